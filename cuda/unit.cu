// The operations after a sum that a library computed without them: bias, residual and ReLU forward; other terms and gate backward.
//     y = sum + residual + bias, then max(y, 0)         dx = sum or dx += sum, then 0 where the gate is at most 0
// The sums come from cuDNN if no engine computes the whole unit in one pass. A sum may be in the result's memory.
// Bytes per element: 8, +4 with a residual; 8 backward, +4 if it adds, +4 if gated.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) unit_forward(
    const float* sum,       // input: (rows, K)
    const float* bias,      // input: (K), or null
    const float* residual,  // input: (rows, K), or null
    float* y,               // output: (rows, K)
    unsigned rows, unsigned K, int relu)
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

extern "C" __global__ void __launch_bounds__(256) unit_backward(
    const float* sum,       // input: (n)
    float* dx,              // gradient: (n)
    unsigned n, int adds,
    const float* gate)      // input: (n), or null
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    accumulate4(dx + i, n - i, load4(sum + i, n - i), adds, gate ? gate + i : nullptr);
}
