// The restricted features (paper, equation 2) for several copies of each image, and the gradient of the mask:
//     z = active (lambda x + (1 - lambda) (mean + std epsilon)), then max(z, 0) where `clamps`
//     dlambda = active (the sum over an image's copies of dz (x - mean - std epsilon), 0 where clamped)
// Both passes generate the noise in registers. A thread processes all copies of its four elements: data that the copies share is read
// once, and their gradients are summed in the order of the copies.
// Bytes per element of an image: 20 + 4 copies (forward), 20 + 4 copies (8 if clamped) (backward); half of 4 and 8 where z is bfloat16.
#include "restrict.cuh"

template <class T>
__device__ inline void restricted(
    Noise noise, Statistics statistics, const float* x, const float* lambda, T* z, unsigned images, int clamps)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= images) return;
    unsigned left = noise.length - q.at;
    size_t at = (size_t)q.row * noise.length + q.at;
    restrict_copies4(noise, noise_counter(noise, q.row, q.at), neurons4(statistics, q.at, left), q, left,
                     load4(x + at, left), load4(lambda + at, left), z, clamps);
}

template <class T>
__device__ inline void backward(
    Noise noise, Statistics statistics, const float* x, const T* z, const T* dz, float* dlambda, unsigned images, int adds)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= images) return;
    unsigned left = noise.length - q.at;
    Neurons n = neurons4(statistics, q.at, left);
    size_t at = (size_t)q.row * noise.length + q.at;
    float4 sum = restrict_slope4(noise, noise_counter(noise, q.row, q.at), z, dz, q, left, load4(x + at, left), n);
    accumulate4(dlambda + at, left, map4([](float active, float sum) { return active * sum; }, n.active, sum), adds);
}

extern "C" __global__ void __launch_bounds__(256) restrict_forward(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    float* z,               // output: (images x copies, length)
    unsigned images, int clamps)
{
    restricted(noise, statistics, x, lambda, z, images, clamps);
}

extern "C" __global__ void __launch_bounds__(256) restrict_backward(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const float* z,         // input: (images x copies, length) where it was clamped, else null
    const float* dz,        // input: (images x copies, length)
    float* dlambda,         // gradient: (images, length)
    unsigned images, int adds)
{
    backward(noise, statistics, x, z, dz, dlambda, images, adds);
}

extern "C" __global__ void __launch_bounds__(256) restrict_forward_bf16(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    bf16* z,                // output: (images x copies, length)
    unsigned images, int clamps)
{
    restricted(noise, statistics, x, lambda, z, images, clamps);
}

extern "C" __global__ void __launch_bounds__(256) restrict_backward_bf16(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const bf16* z,          // input: (images x copies, length) where it was clamped, else null
    const bf16* dz,         // input: (images x copies, length)
    float* dlambda,         // gradient: (images, length)
    unsigned images, int adds)
{
    backward(noise, statistics, x, z, dz, dlambda, images, adds);
}
