// Information of one neuron and its derivative by lambda: see information.cu.
#pragma once
#include "elementary.cuh"

// 1 - lambda, held above 2^-24.
__device__ inline float spread(float lambda)
{
    float s = 1.f - lambda;
    return 5.9604645e-8f > s ? 5.9604645e-8f : s;
}

// Written without the 1s that would swallow the digits of a small lambda; the quotient is what the subtraction 1 - lambda rounded away.
__device__ inline float information(float r, float lambda, float active)
{
    float s = spread(lambda);
    float log = logarithm_of_normal(s) + ((1.f - (1.f - lambda)) - lambda) / s;
    return active * (0.5f * lambda * lambda * (r * r + 1.f) - lambda - log);
}

// Times dy.
__device__ inline float information_slope(float r, float lambda, float active, float dy)
{
    return dy * active * lambda * (r * r + (2.f - lambda) / spread(lambda));
}
