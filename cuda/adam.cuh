// One step of Adam with PyTorch's semantics (Kingma and Ba 2015): with t = steps done + 1,
//     m = beta1 m + (1 - beta1) g,    v = beta2 v + (1 - beta2) g^2,
//     p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
// Values that depend on t alone are computed in double, as on PyTorch's host; the rest is float32 in PyTorch's order, as on the CPU. The
// step count is on the device, so a recorded loop can be replayed.
#pragma once
#include "quad.cuh"

struct AdamSettings
{
    double learning_rate, beta1, beta2, epsilon;
};

// The scalars that all elements of a step share.
struct AdamStep
{
    float beta1, rest1;     // beta1, 1 - beta1
    float beta2, rest2;
    float rate;             // -lr / (1 - beta1^t)
    float root;             // sqrt(1 - beta2^t)
    float epsilon;
};

__device__ inline double power(double base, unsigned exponent)
{
    double result = 1;
    for (; exponent > 0; exponent /= 2, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

// Double precision is slow on small devices, so one thread computes for its block. Every thread of the block must call this.
__device__ inline AdamStep adam_step(AdamSettings s, const float* step)
{
    __shared__ AdamStep shared;
    if (threadIdx.x == 0)
    {
        unsigned t = (unsigned)step[0] + 1;
        shared = { (float)s.beta1, (float)(1 - s.beta1), (float)s.beta2, (float)(1 - s.beta2),
                   (float)(-s.learning_rate / (1 - power(s.beta1, t))), (float)sqrt(1 - power(s.beta2, t)), (float)s.epsilon };
    }
    __syncthreads();
    return shared;
}

// p, m, v: the addresses of the four elements. Returns the new p.
__device__ inline float4 adam_update(AdamStep s, float4 gradient, float* p, float* m, float* v, unsigned left)
{
    float4 mean = map4([s](float m, float g) { return fmaf(g, s.rest1, m * s.beta1); }, load4(m, left), gradient);
    float4 square = map4([s](float v, float g) { return fmaf(s.rest2 * g, g, v * s.beta2); }, load4(v, left), gradient);
    float4 moved = map4([s](float p, float m, float v) { return p + s.rate * m / (sqrtf(v) / s.root + s.epsilon); },
                        load4(p, left), mean, square);
    store4(m, left, mean);
    store4(v, left, square);
    store4(p, left, moved);
    return moved;
}
