// y = ln x;  dy/dx = 1 / x
#include "elementary.cuh"
#include "unary.cuh"

struct Log
{
    __device__ float at(float x) const { return logarithm(x); }
    __device__ float backward(float dy, float x, float y) const { return dy * (1.f / x); }
};

extern "C" __global__ void __launch_bounds__(256) log_forward(Log f, const float* x, float* y, unsigned n)
{
    map_forward(f, x, y, n);
}

extern "C" __global__ void __launch_bounds__(256) log_backward(
    Log f, const float* x, const float* y, const float* dy, float* dx, unsigned n, int adds)
{
    map_backward(f, x, y, dy, dx, n, adds);
}
