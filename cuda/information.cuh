// Information of one neuron and its derivative by lambda: see information.cu.
#pragma once
#include "elementary.cuh"

// 1 - lambda, held above 2^-24.
__device__ inline float spread(float lambda)
{
    float s = 1.f - lambda;
    return s > 5.9604645e-8f ? s : 5.9604645e-8f;
}

__device__ inline float information(float r, float lambda, float active)
{
    float m = lambda * r, s = spread(lambda);
    return 0.5f * active * (m * m + s * s - 2.f * logarithm_of_normal(s) - 1.f);
}

// Of an active neuron.
__device__ inline float information_slope(float r, float lambda)
{
    float s = spread(lambda);
    return lambda * r * r - s + 1.f / s;
}
