// y = max(x, 0);  dx = dy where y is positive, 0 where y is at most 0. NaN propagates.
#include "unary.cuh"

struct Relu
{
    __device__ float at(float x) const { return relu1(x); }
    __device__ float backward(float dy, float x, float y) const { return gated1(dy, y); }
};

extern "C" __global__ void __launch_bounds__(256) relu_forward(Relu f, const float* x, float* y, unsigned n)
{
    map_forward(f, x, y, n);
}

extern "C" __global__ void __launch_bounds__(256) relu_forward_bf16(Relu f, const bf16* x, bf16* y, unsigned n)
{
    map_forward(f, x, y, n);
}

extern "C" __global__ void __launch_bounds__(256) relu_backward(
    Relu f, const float* x, const float* y, const float* dy, float* dx, unsigned n, int adds)
{
    map_backward(f, x, y, dy, dx, n, adds);
}
