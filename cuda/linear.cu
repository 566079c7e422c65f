// y = x w' + bias (then ReLU);  dx = dy w,  dw = dy' x.  x (N, C), w (K, C), y (N, K). Plain: used where cuBLASLt cannot be.
// FLOP: 2 N K C each; bytes: 4 (N C + K C + N K).
#include "product.cuh"

extern "C" __global__ void __launch_bounds__(256) linear_forward(
    const float* x,         // input: (N, C)
    const float* w,         // input: (K, C)
    const float* bias,      // input: (K), or null
    float* y,               // output: (N, K)
    unsigned N, unsigned K, unsigned C, int relu)
{
    product(Lines { x, C }, Lines { w, C }, Unit<float> { bias, nullptr, y, K, relu }, N, K, C);
}

extern "C" __global__ void __launch_bounds__(256) linear_backward_data(
    const float* dy,        // input: (N, K)
    const float* w,         // input: (K, C)
    float* dx,              // gradient: (N, C)
    unsigned N, unsigned K, unsigned C, int adds,
    const float* gate)      // input: (N, C), or null
{
    product(Lines { dy, K }, Columns { w, C }, Term<float> { dx, gate, C, adds }, N, C, K);
}

extern "C" __global__ void __launch_bounds__(256) linear_backward_weights(
    const float* x,         // input: (N, C)
    const float* dy,        // input: (N, K)
    float* dw,              // gradient: (K, C)
    unsigned N, unsigned K, unsigned C, int adds)
{
    product(Columns { dy, K }, Columns { x, C }, Term<float> { dw, nullptr, C, adds }, K, C, N);
}
