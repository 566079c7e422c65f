// Elementwise functions: y = f(x) and dx = dy f'(x).
//
// A function is a struct whose fields are its settings, with
//     float at(float x)                              f(x)
//     float backward(float dy, float x, float y)     dy f'(x), given y = f(x) too
// as in IUnary on the host: the same fields in the same order, passed by value as the kernels' first argument.
// Bytes: 8 per element forward, 12 to 20 backward (an array that backward ignores is not read).
#pragma once
#include "quad.cuh"

template <class F, class T>
__device__ inline void map_forward(
    F f,
    const T* x,             // input: (n)
    T* y,                   // output: (n)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    store4(y + i, n - i, map4([f](float x) { return f.at(x); }, load4(x + i, n - i)));
}

template <class F>
__device__ inline void map_backward(
    F f,
    const float* x,         // input: (n)
    const float* y,         // input: (n) f(x)
    const float* dy,        // input: (n)
    float* dx,              // gradient: (n)
    unsigned n, int adds)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    unsigned left = n - i;
    float4 term = map4([f](float x, float y, float dy) { return f.backward(dy, x, y); },
                       load4(x + i, left), load4(y + i, left), load4(dy + i, left));
    accumulate4(dx + i, left, term, adds);
}
