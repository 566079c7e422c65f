// The turn of a step of the bottleneck's loop (paper, section 3.2, equations 2, 5 and 7), from the gradient of the restricted features of one step to the
// restricted features of the next, in one pass:
//     dlambda = active (the sum over an image's copies of dz (x - mean - std epsilon)) + weight dinformation        as restrict.cu, information.cu
//     dalpha = s (1 - s) A' dlambda, and Adam's step with it on alpha                                              as blur.cu, sigmoid.cu, adam.cu
//     lambda = A sigmoid(alpha), z from it with the next step's noise, and the sum of the information              as all of these
// A block owns all pixels of 8 channels of one image, so that nothing between these lines is stored. The arithmetic per element is theirs.
// Bytes per element of an image: 36 + 8 copies (12 if clamped); 36 + 4 copies (6) where z is bfloat16. One by one, these kernels would move 100 + 8 copies.
#include "adam.cuh"
#include "blur.cuh"
#include "information.cuh"
#include "reduce.cuh"
#include "restrict.cuh"

__device__ inline float4 sigmoid_slope4(float4 alpha, float4 d)
{
    return map4([](float alpha, float d) { float s = sigmoid(alpha); return d * (s * (1.f - s)); }, alpha, d);
}

// Calls body(place in a plane of 8 channels, row, column, quad in the image) for each of this thread's quads. C is a multiple of 4: quads are whole.
template <class Body>
__device__ inline void each_of_plane(int H, int W, int C, Body body)
{
    int groups = (C + 4 * TileQuads - 1) / (4 * TileQuads), c0 = blockIdx.x % groups * 4 * TileQuads;
    for (int i = threadIdx.x; i < H * W * TileQuads; i += blockDim.x)
    {
        int pixel = i / TileQuads, c = c0 + i % TileQuads * 4;
        if (c < C) body(i, pixel / W, pixel % W, RowQuad{ blockIdx.x / groups, (unsigned)(pixel * C + c) });
    }
}

template <class T>
__device__ inline void turn(
    AdamSettings settings, Noise noise, Statistics statistics, const float* x, T* z, const T* dz, float* lambda, float* alpha, float* m, float* v,
    const float* taps, double* partial, float weight, int radius, int H, int W, int C, int clamps)
{
    AdamStep step = adam_step(settings, noise.step);
    float4* plane = shared_memory;                      // (H, W, TileQuads)
    float4* down = plane + H * W * TileQuads;           // (H, W, TileQuads), blurred along H

    auto at = [=](RowQuad q) { return (size_t)q.row * noise.length + q.at; };
    auto along_h = [=](int i, int j) { return plane[j * W * TileQuads + i % (W * TileQuads)]; };
    auto along_w = [=](int i, int row, int j) { return down[(row * W + j) * TileQuads + i % TileQuads]; };

    each_of_plane(H, W, C, [=](int i, int, int, RowQuad q)
    {
        Neurons n = neurons4(statistics, q.at, 4);
        float4 features = load4(x + at(q), 4);
        float4 sum = restrict_slope4(noise, noise_counter(noise, q.row, q.at), clamps ? (const T*)z : nullptr, dz, q, 4, features, n);
        auto both = [weight](float sum, float x, float l, float mean, float std, float active)
        {
            return active * sum + information_slope((x - mean) / std, l, active, weight);
        };
        plane[i] = map4(both, sum, features, load4(lambda + at(q), 4), n.mean, n.std, n.active);
    });
    __syncthreads();
    each_of_plane(H, W, C, [=](int i, int row, int, RowQuad) { down[i] = blur_line<true>(taps, radius, row, H, [=](int j) { return along_h(i, j); }); });
    __syncthreads();
    each_of_plane(H, W, C, [=](int i, int row, int column, RowQuad q)
    {
        float4 d = blur_line<true>(taps, radius, column, W, [=](int j) { return along_w(i, row, j); });
        float4 moved = adam_update(step, sigmoid_slope4(load4(alpha + at(q), 4), d), alpha + at(q), m + at(q), v + at(q), 4);
        plane[i] = map4(sigmoid, moved);
    });
    __syncthreads();
    each_of_plane(H, W, C, [=](int i, int row, int, RowQuad) { down[i] = blur_line<false>(taps, radius, row, H, [=](int j) { return along_h(i, j); }); });
    __syncthreads();
    double total = 0;
    each_of_plane(H, W, C, [=, &total](int i, int row, int column, RowQuad q)
    {
        float4 l = blur_line<false>(taps, radius, column, W, [=](int j) { return along_w(i, row, j); });
        store4(lambda + at(q), 4, l);
        Neurons n = neurons4(statistics, q.at, 4);
        float4 features = load4(x + at(q), 4);
        Philox counter = noise_counter(noise, q.row, q.at);
        counter.d++;
        restrict_copies4(noise, counter, n, q, 4, features, l, z, clamps);
        auto nats = [](float x, float l, float mean, float std, float active) { return information((x - mean) / std, l, active); };
        float4 bits = map4(nats, features, l, n.mean, n.std, n.active);
        total += ((double)bits.x + bits.y) + ((double)bits.z + bits.w);
    });
    total = block_sum(total);
    if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

// Blocks: one per image and group of 8 channels, the last fastest. Shared memory: 2 H W TileQuads float4. C is a multiple of 4.
extern "C" __global__ void __launch_bounds__(512) mask_turn(
    AdamSettings settings,
    Noise noise,            // of this step; the next one's step word is 1 more
    Statistics statistics,
    const float* x,         // input: (I, H, W, C)
    float* z,               // input where it was clamped, and output: (I x copies, H, W, C)
    const float* dz,        // input: (I x copies, H, W, C)
    float* lambda,          // input and output: (I, H, W, C)
    float* alpha,           // parameter: (I, H, W, C)
    float* m,               // state: (I, H, W, C)
    float* v,               // state: (I, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    double* partial,        // output: (I, groups) nats
    float weight,           // the derivative of the loss by each neuron's information: beta / (H W C) for beta times the mean
    int radius, int H, int W, int C, int clamps)
{
    turn(settings, noise, statistics, x, z, dz, lambda, alpha, m, v, taps, partial, weight, radius, H, W, C, clamps);
}

extern "C" __global__ void __launch_bounds__(512) mask_turn_bf16(
    AdamSettings settings,
    Noise noise,            // of this step; the next one's step word is 1 more
    Statistics statistics,
    const float* x,         // input: (I, H, W, C)
    bf16* z,                // input where it was clamped, and output: (I x copies, H, W, C)
    const bf16* dz,         // input: (I x copies, H, W, C)
    float* lambda,          // input and output: (I, H, W, C)
    float* alpha,           // parameter: (I, H, W, C)
    float* m,               // state: (I, H, W, C)
    float* v,               // state: (I, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    double* partial,        // output: (I, groups) nats
    float weight,           // the derivative of the loss by each neuron's information: beta / (H W C) for beta times the mean
    int radius, int H, int W, int C, int clamps)
{
    turn(settings, noise, statistics, x, z, dz, lambda, alpha, m, v, taps, partial, weight, radius, H, W, C, clamps);
}
