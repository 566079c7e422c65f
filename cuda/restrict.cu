// The restricted features (paper, equation 2) for several copies of each image, and the gradient of the mask:
//     z = active (lambda x + (1 - lambda) (mean + std epsilon)), then max(z, 0) where `clamps`
//     dlambda = active (the sum over an image's copies of dz (x - mean - std epsilon), 0 where clamped)
// Both passes generate the noise in registers. A thread processes all copies of its four elements: data that the copies share is read
// once, and their gradients are summed in the order of the copies.
// Bytes per element of an image: 20 + 4 copies (forward), 20 + 4 copies (8 if clamped) (backward); half of 4 and 8 where z is bfloat16.
#include "information.cuh"
#include "philox.cuh"

struct Statistics
{
    const float* mean;      // (length)
    const float* std;       // (length)
    const float* active;    // (length) 1 or 0
};

template <class T>
__device__ inline void restricted(
    Noise noise, Statistics statistics, const float* x, const float* lambda, T* z, unsigned images, int clamps)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= images) return;
    unsigned left = noise.length - q.at;
    float4 mean = load4(statistics.mean + q.at, left), std = load4(statistics.std + q.at, left);
    float4 active = load4(statistics.active + q.at, left);
    float4 v = load4(x + (size_t)q.row * noise.length + q.at, left), l = load4(lambda + (size_t)q.row * noise.length + q.at, left);
    float floor = clamps ? 0.f : as_float(0xFF800000u);
    auto restrict1 = [floor](float x, float l, float mean, float std, float active, float e)
    {
        float mixed = active * fmaf(l, x, (1.f - l) * fmaf(std, e, mean));
        return floor > mixed ? floor : mixed;
    };
    Philox counter = noise_counter(noise, q.row, q.at);
    for (unsigned copy = 0; copy < noise.copies; copy++)
    {
        float4 e = noise4(noise, counter, q.row, copy, q.at, left);
        store4(z + (size_t)(q.row * noise.copies + copy) * noise.length + q.at, left, map4(restrict1, v, l, mean, std, active, e));
    }
}

// The sum over copies, without `active`.
template <class T>
__device__ inline float4 restrict_slope4(
    const Noise& noise, const T* z, const T* dz, RowQuad q, unsigned left, float4 x, float4 mean, float4 std)
{
    float4 sum = {};
    Philox counter = noise_counter(noise, q.row, q.at);
    for (unsigned copy = 0; copy < noise.copies; copy++)
    {
        size_t at = (size_t)(q.row * noise.copies + copy) * noise.length + q.at;
        float4 d = load4(dz + at, left);
        if (z) d = map4(gated1, d, load4(z + at, left));
        float4 e = noise4(noise, counter, q.row, copy, q.at, left);
        auto term1 = [](float d, float x, float mean, float std, float e) { return d * (x - fmaf(std, e, mean)); };
        float4 term = map4(term1, d, x, mean, std, e);
        sum = copy == 0 ? term : add4(sum, term);
    }
    return sum;
}

template <class T>
__device__ inline void backward(
    Noise noise, Statistics statistics, const float* x, const T* z, const T* dz, float* dlambda, unsigned images, int adds)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= images) return;
    unsigned left = noise.length - q.at;
    float4 mean = load4(statistics.mean + q.at, left), std = load4(statistics.std + q.at, left);
    float4 active = load4(statistics.active + q.at, left);
    size_t at = (size_t)q.row * noise.length + q.at;
    float4 sum = restrict_slope4(noise, z, dz, q, left, load4(x + at, left), mean, std);
    accumulate4(dlambda + at, left, map4([](float active, float sum) { return active * sum; }, active, sum), adds);
}

// The whole gradient of the bottleneck's loss with respect to lambda in one pass: the copies' cross-entropy, and `weight` times the
// information of every neuron (information.cu), whose standardised features are computed here from x.
template <class T>
__device__ inline void information_too(
    Noise noise, Statistics statistics, const float* x, const float* lambda, const T* z, const T* dz, float weight, float* dlambda,
    unsigned images, int adds)
{
    RowQuad q = row_quad(noise.length);
    if (q.row >= images) return;
    unsigned left = noise.length - q.at;
    float4 mean = load4(statistics.mean + q.at, left), std = load4(statistics.std + q.at, left);
    float4 active = load4(statistics.active + q.at, left);
    size_t at = (size_t)q.row * noise.length + q.at;
    float4 v = load4(x + at, left);
    float4 sum = restrict_slope4(noise, z, dz, q, left, v, mean, std);
    auto both = [weight](float sum, float x, float l, float mean, float std, float active)
    {
        // Past a row's end everything is 0: 0 / 0 is not stored.
        return active * sum + information_slope((x - mean) / std, l, active, weight);
    };
    accumulate4(dlambda + at, left, map4(both, sum, v, load4(lambda + at, left), mean, std, active), adds);
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

extern "C" __global__ void __launch_bounds__(256) restrict_information_backward(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    const float* z,         // input: (images x copies, length) where it was clamped, else null
    const float* dz,        // input: (images x copies, length)
    float weight,           // the derivative of the loss by each neuron's information: beta / length for beta times the mean
    float* dlambda,         // gradient: (images, length)
    unsigned images, int adds)
{
    information_too(noise, statistics, x, lambda, z, dz, weight, dlambda, images, adds);
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

extern "C" __global__ void __launch_bounds__(256) restrict_information_backward_bf16(
    Noise noise, Statistics statistics,
    const float* x,         // input: (images, length)
    const float* lambda,    // input: (images, length)
    const bf16* z,          // input: (images x copies, length) where it was clamped, else null
    const bf16* dz,         // input: (images x copies, length)
    float weight,           // the derivative of the loss by each neuron's information: beta / length for beta times the mean
    float* dlambda,         // gradient: (images, length)
    unsigned images, int adds)
{
    information_too(noise, statistics, x, lambda, z, dz, weight, dlambda, images, adds);
}
