// Sums, products and copies, elementwise. n is the element count of every tensor.
//     add        y = a + b            its gradient is passed on by `accumulate`
//     multiply   y = a b;             da = dy b, db = dy a
//     gate       dy = 0 where y is at most 0: the gradient of ReLU, in place
// Bytes per element, half of it in bfloat16: 12 (add, multiply, gate), 8 (copy, accumulate; 12 if it adds), 4 (fill).
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256) add_forward(const float* a, const float* b, float* y, unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    store4(y + i, n - i, add4(load4(a + i, n - i), load4(b + i, n - i)));
}

extern "C" __global__ void __launch_bounds__(256) multiply_forward(const float* a, const float* b, float* y, unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    store4(y + i, n - i, map4([](float a, float b) { return a * b; }, load4(a + i, n - i), load4(b + i, n - i)));
}

extern "C" __global__ void __launch_bounds__(256) multiply_backward(const float* dy, const float* other, float* dx, unsigned n, int adds)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    float4 term = map4([](float dy, float other) { return dy * other; }, load4(dy + i, n - i), load4(other + i, n - i));
    accumulate4(dx + i, n - i, term, adds);
}

template <class T>
__device__ inline void accumulate(const T* dy, T* dx, unsigned n, int adds)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    accumulate4(dx + i, n - i, load4(dy + i, n - i), adds);
}

extern "C" __global__ void __launch_bounds__(256) accumulate_backward(const float* dy, float* dx, unsigned n, int adds)
{
    accumulate(dy, dx, n, adds);
}

extern "C" __global__ void __launch_bounds__(256) accumulate_backward_bf16(const bf16* dy, bf16* dx, unsigned n, int adds)
{
    accumulate(dy, dx, n, adds);
}

template <class T>
__device__ inline void gate(const T* y, T* dy, unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    accumulate4(dy + i, n - i, load4(dy + i, n - i), 0, y + i);
}

extern "C" __global__ void __launch_bounds__(256) gate_backward(const float* y, float* dy, unsigned n) { gate(y, dy, n); }

extern "C" __global__ void __launch_bounds__(256) gate_backward_bf16(const bf16* y, bf16* dy, unsigned n) { gate(y, dy, n); }

extern "C" __global__ void __launch_bounds__(256) copy_forward(const float* x, float* y, unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    store4(y + i, n - i, load4(x + i, n - i));
}

extern "C" __global__ void __launch_bounds__(256) fill_forward(float value, float* y, unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    store4(y + i, n - i, { value, value, value, value });
}
