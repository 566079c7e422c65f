// Elementwise parts of layer-wise relevance propagation with separate shares for positive and negative contributions
// (Bach et al. 2015): the products themselves are ordinary convolutions of the parts.
//     split   x = positive + negative, one of them 0
//     ratio   y = r / (z + epsilon sign(z)), and 0 where z is 0: a sum of nothing passes nothing on
// Bytes per number: 12.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) lrp_split(
    const float* x,         // input: (n)
    float* positive,        // output: (n) max(x, 0)
    float* negative,        // output: (n) min(x, 0)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    float4 v = load4(x + i, n - i);
    store4(positive + i, n - i, map4([](float x) { return x > 0.f ? x : 0.f; }, v));
    store4(negative + i, n - i, map4([](float x) { return x < 0.f ? x : 0.f; }, v));
}

extern "C" __global__ void __launch_bounds__(256) lrp_ratio(
    const float* r,         // input: (n) relevance
    const float* z,         // input: (n) sum of contributions
    float* y,               // output: (n)
    float epsilon,
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    auto ratio = [epsilon](float r, float z) { return z == 0.f ? 0.f : r / (z > 0.f ? z + epsilon : z - epsilon); };
    store4(y + i, n - i, map4(ratio, load4(r + i, n - i), load4(z + i, n - i)));
}
