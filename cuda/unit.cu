// The operations after a sum that a library computed without them: bias, residual and ReLU forward; other terms and gate backward.
//     y = sum + residual + bias, then max(y, 0)         dx = sum or dx += sum, then 0 where the gate is at most 0
// The sums come from cuDNN if no engine computes the whole unit in one pass. A sum may be in the result's memory.
// Bytes per element, half of it in bfloat16: 8, +4 with a residual; 8 backward, +4 if it adds, +4 if gated.
#include "quad.cuh"

template <class T>
__device__ inline void unit(const T* sum, const float* bias, const T* residual, T* y, unsigned rows, unsigned K, int relu)
{
    RowQuad q = row_quad(K);
    if (q.row >= rows) return;
    size_t at = (size_t)q.row * K + q.at;
    unsigned left = K - q.at;
    float4 v = load4(sum + at, left);
    if (residual) v = add4(v, load4(residual + at, left));
    if (bias) v = add4(v, load4(bias + q.at, left));
    if (relu) v = map4(relu1, v);
    store4(y + at, left, v);
}

template <class T>
__device__ inline void term(const T* sum, T* dx, unsigned n, int adds, const T* gate)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    accumulate4(dx + i, n - i, load4(sum + i, n - i), adds, gate ? gate + i : nullptr);
}

extern "C" __global__ void __launch_bounds__(256) unit_forward(
    const float* sum,       // input: (rows, K)
    const float* bias,      // input: (K), or null
    const float* residual,  // input: (rows, K), or null
    float* y,               // output: (rows, K)
    unsigned rows, unsigned K, int relu)
{
    unit(sum, bias, residual, y, rows, K, relu);
}

extern "C" __global__ void __launch_bounds__(256) unit_backward(
    const float* sum,       // input: (n)
    float* dx,              // gradient: (n)
    unsigned n, int adds,
    const float* gate)      // input: (n), or null
{
    term(sum, dx, n, adds, gate);
}

extern "C" __global__ void __launch_bounds__(256) unit_forward_bf16(
    const bf16* sum,        // input: (rows, K)
    const float* bias,      // input: (K), or null
    const bf16* residual,   // input: (rows, K), or null
    bf16* y,                // output: (rows, K)
    unsigned rows, unsigned K, int relu)
{
    unit(sum, bias, residual, y, rows, K, relu);
}

extern "C" __global__ void __launch_bounds__(256) unit_backward_bf16(
    const bf16* sum,        // input: (n)
    bf16* dx,               // gradient: (n)
    unsigned n, int adds,
    const bf16* gate)       // input: (n), or null
{
    term(sum, dx, n, adds, gate);
}
