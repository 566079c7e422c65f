// y = 1 / (1 + e^-x);  dy/dx = y (1 - y)
#include "elementary.cuh"
#include "unary.cuh"

struct Sigmoid
{
    __device__ float at(float x) const { return sigmoid(x); }
    __device__ float backward(float dy, float x, float y) const { return dy * (y * (1.f - y)); }
};

extern "C" __global__ void __launch_bounds__(256) sigmoid_forward(Sigmoid f, const float* x, float* y, unsigned n)
{
    map_forward(f, x, y, n);
}

extern "C" __global__ void __launch_bounds__(256) sigmoid_backward(
    Sigmoid f, const float* x, const float* y, const float* dy, float* dx, unsigned n, int adds)
{
    map_backward(f, x, y, dy, dx, n, adds);
}
