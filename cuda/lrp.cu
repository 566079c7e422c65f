// The elementwise part of layer-wise relevance propagation (Bach et al. 2015): relevance by contribution. The products are ordinary convolutions.
//     ratio   y = a / s(b) with s(b) = b + epsilon sign(b), s(0) = 1 + epsilon: finite also where b is 0; y may be a or b
// Bytes per element: 12.
#include "quad.cuh"

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
