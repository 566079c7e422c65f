// Bin k of an axis of `to` bins over `from` pixels is the mean over floor(k from / to) to ceil((k + 1) from / to): global
// average pooling if to = 1, repetition if to > from.  dx = each dy spread evenly over its bin, gathered.
// Sums run along H, then W, as on the CPU, and give the same bits.
// Bytes: 4 |x| (2 in bfloat16) + 4 |y| in either direction.
#include "quad.cuh"

struct Bin
{
    int first, end;     // pixels
};

__device__ inline int floor_ratio(int a, int b, int c) { return (int)((long long)a * b / c); }
__device__ inline int ceil_ratio(int a, int b, int c) { return (int)(((long long)a * b + c - 1) / c); }

__device__ inline Bin bin(int k, int from, int to) { return { floor_ratio(k, from, to), ceil_ratio(k + 1, from, to) }; }

__device__ inline float share(Bin b) { return 1.f / (float)(b.end - b.first); }

// The bins that contain pixel i: k from / to < i + 1 and (k + 1) from / to > i.
__device__ inline Bin bins_of(int i, int from, int to) { return { floor_ratio(i, to, from), ceil_ratio(i + 1, to, from) }; }

template <class T>
__device__ inline void forward(const T* x, float* y, int N, int H, int W, int C, int P, int Q)
{
    PixelQuad at = pixel_quad(P, Q, C);
    if (at.n >= N) return;
    Bin rows = bin(at.h, H, P), columns = bin(at.w, W, Q);
    float4 sum = {};
    for (int w = columns.first; w < columns.end; w++)
    {
        float4 column = {};
        for (int h = rows.first; h < rows.end; h++)
            column = fma4(share(rows), load4(x + ((size_t)(at.n * H + h) * W + w) * C + at.c, C - at.c), column);
        sum = fma4(share(columns), column, sum);
    }
    store4(y + ((size_t)(at.n * P + at.h) * Q + at.w) * C + at.c, C - at.c, sum);
}

template <class T>
__device__ inline void backward(const float* dy, T* dx, int N, int H, int W, int C, int P, int Q, int adds, const T* gate)
{
    PixelQuad at = pixel_quad(H, W, C);
    if (at.n >= N) return;
    Bin ps = bins_of(at.h, H, P), qs = bins_of(at.w, W, Q);
    float4 sum = {};
    for (int q = qs.first; q < qs.end; q++)
    {
        float4 column = {};
        for (int p = ps.first; p < ps.end; p++)
            column = fma4(share(bin(p, H, P)), load4(dy + ((size_t)(at.n * P + p) * Q + q) * C + at.c, C - at.c), column);
        sum = fma4(share(bin(q, W, Q)), column, sum);
    }
    size_t to = ((size_t)(at.n * H + at.h) * W + at.w) * C + at.c;
    accumulate4(dx + to, C - at.c, sum, adds, gate ? gate + to : nullptr);
}

extern "C" __global__ void __launch_bounds__(64) average_pool_forward(
    const float* x,         // input: (N, H, W, C)
    float* y,               // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q)
{
    forward(x, y, N, H, W, C, P, Q);
}

extern "C" __global__ void __launch_bounds__(256) average_pool_backward(
    const float* dy,        // input: (N, P, Q, C)
    float* dx,              // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, int adds,
    const float* gate)      // input: (N, H, W, C), or null
{
    backward(dy, dx, N, H, W, C, P, Q, adds, gate);
}

extern "C" __global__ void __launch_bounds__(64) average_pool_forward_bf16(
    const bf16* x,          // input: (N, H, W, C)
    float* y,               // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q)
{
    forward(x, y, N, H, W, C, P, Q);
}

extern "C" __global__ void __launch_bounds__(256) average_pool_backward_bf16(
    const float* dy,        // input: (N, P, Q, C)
    bf16* dx,               // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, int adds,
    const bf16* gate)       // input: (N, H, W, C), or null
{
    backward(dy, dx, N, H, W, C, P, Q, adds, gate);
}
