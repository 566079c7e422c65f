// Elementwise parts of layer-wise relevance propagation with separate shares for positive and negative contributions
// (Bach et al. 2015): the products themselves are ordinary convolutions of the parts.
//     split   x = positive + negative, one of them 0, or both NaN
//     ratio   y = a / s(b) with s(b) = b + epsilon sign(b), s(0) = 1 + epsilon: a quotient that no 0 below it breaks; y may be a or b
// Bytes per number: 12.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) split_forward(
    const float* x,         // input: (n)
    float* positive,        // output: (n) max(x, 0)
    float* negative,        // output: (n) min(x, 0)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    float4 v = load4(x + i, n - i);
    store4(positive + i, n - i, map4(relu1, v));
    store4(negative + i, n - i, map4([](float x) { return 0.f < x ? 0.f : x; }, v));
}

extern "C" __global__ void __launch_bounds__(256) ratio_forward(
    const float* a,         // input: (n) relevance
    const float* b,         // input: (n) sum of contributions
    float epsilon,
    float* y,               // output: (n)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    auto ratio = [epsilon](float a, float b) { return a / (b == 0.f ? 1.f + epsilon : b < 0.f ? b - epsilon : b + epsilon); };
    store4(y + i, n - i, map4(ratio, load4(a + i, n - i), load4(b + i, n - i)));
}
