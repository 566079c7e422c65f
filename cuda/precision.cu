// float32 to bfloat16 (quad.cuh) and back. In bf16, activations and their gradients are bfloat16 between float32 images and logits; where tensors
// stay float32, the factors of a convolution alone are rounded.
// Bytes per element: 6, +4 if gated, +4 if it adds (2 for bfloat16).
#include "quad.cuh"

// y = x, or 0 where gate is at most 0.
extern "C" __global__ void __launch_bounds__(256) float_to_bf16(
    const float* x,         // input: (n)
    const float* gate,      // input: (n), or null
    bf16* y,                // output: (n)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    unsigned left = n - i;
    float4 v = load4(x + i, left);
    if (gate) v = map4(gated1, v, load4(gate + i, left));
    store4(y + i, left, v);
}

// y = x or y += x, then 0 where gate is at most 0.
extern "C" __global__ void __launch_bounds__(256) bf16_to_float(
    const bf16* x,          // input: (n)
    float* y,               // output: (n)
    unsigned n, int adds,
    const float* gate)      // input: (n), or null
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    accumulate4(y + i, n - i, load4(x + i, n - i), adds, gate ? gate + i : nullptr);
}

// Rows of C numbers in rows of K: numbers past C are 0, those past K are dropped.
template <class From, class To>
__device__ inline void convert_rows(const From* x, To* y, unsigned rows, unsigned C, unsigned K, int adds)
{
    RowQuad q = row_quad(K);
    if (q.row >= rows) return;
    float4 v = load4(x + (size_t)q.row * C + q.at, q.at < C ? C - q.at : 0);
    accumulate4(y + (size_t)q.row * K + q.at, K - q.at, v, adds);
}

extern "C" __global__ void __launch_bounds__(256) convert_to_bf16(
    const float* x,         // input: (rows, C)
    bf16* y,                // output: (rows, K)
    unsigned rows, unsigned C, unsigned K, int adds)
{
    convert_rows(x, y, rows, C, K, adds);
}

extern "C" __global__ void __launch_bounds__(256) convert_to_float(
    const bf16* x,          // input: (rows, C)
    float* y,               // output: (rows, K)
    unsigned rows, unsigned C, unsigned K, int adds)
{
    convert_rows(x, y, rows, C, K, adds);
}
