// The restriction of one quad of an image for all its copies, forward and backward: see restrict.cu and mask.cu.
#pragma once
#include "philox.cuh"

struct Statistics
{
    const float* mean;      // (length)
    const float* std;       // (length)
    const float* active;    // (length) 1 or 0
};

// The statistics of four neurons.
struct Neurons
{
    float4 mean, std, active;
};

__device__ inline Neurons neurons4(Statistics statistics, unsigned at, unsigned left)
{
    return { load4(statistics.mean + at, left), load4(statistics.std + at, left), load4(statistics.active + at, left) };
}

// z of all copies.
template <class T>
__device__ inline void restrict_copies4(
    const Noise& noise, Philox counter, Neurons n, RowQuad q, unsigned left, float4 x, float4 lambda, T* z, int clamps)
{
    float floor = clamps ? 0.f : as_float(0xFF800000u);
    auto restrict1 = [floor](float x, float l, float mean, float std, float active, float e)
    {
        float mixed = active * fmaf(l, x, (1.f - l) * fmaf(std, e, mean));
        return floor > mixed ? floor : mixed;
    };
    for (unsigned copy = 0; copy < noise.copies; copy++)
    {
        float4 e = noise4(noise, counter, q.row, copy, q.at, left);
        store4(z + (size_t)(q.row * noise.copies + copy) * noise.length + q.at, left, map4(restrict1, x, lambda, n.mean, n.std, n.active, e));
    }
}

// The sum over copies, without `active`.
template <class T>
__device__ inline float4 restrict_slope4(
    const Noise& noise, Philox counter, const T* z, const T* dz, RowQuad q, unsigned left, float4 x, Neurons n)
{
    float4 sum = {};
    for (unsigned copy = 0; copy < noise.copies; copy++)
    {
        size_t at = (size_t)(q.row * noise.copies + copy) * noise.length + q.at;
        float4 d = load4(dz + at, left);
        if (z) d = map4(gated1, d, load4(z + at, left));
        float4 e = noise4(noise, counter, q.row, copy, q.at, left);
        auto term1 = [](float d, float x, float mean, float std, float e) { return d * (x - fmaf(std, e, mean)); };
        float4 term = map4(term1, d, x, n.mean, n.std, e);
        sum = copy == 0 ? term : add4(sum, term);
    }
    return sum;
}
