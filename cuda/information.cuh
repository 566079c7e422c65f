// Information of one neuron and its derivative with respect to lambda: see information.cu.
#pragma once
#include "elementary.cuh"

// 1 - lambda, at least 2^-24.
__device__ inline float spread(float lambda)
{
    float s = 1.f - lambda;
    return 5.9604645e-8f > s ? 5.9604645e-8f : s;
}

// Written without the terms 1 - 1, which would cancel the digits of a small lambda; the quotient restores what 1 - lambda rounded away.
__device__ inline float information(float r, float lambda, float active)
{
    float s = spread(lambda);
    float log = logarithm_of_normal(s) + ((1.f - (1.f - lambda)) - lambda) / s;
    return active * (0.5f * lambda * lambda * (r * r + 1.f) - lambda - log);
}

// The derivative times dy.
__device__ inline float information_slope(float r, float lambda, float active, float dy)
{
    return dy * active * lambda * (r * r + (2.f - lambda) / spread(lambda));
}
