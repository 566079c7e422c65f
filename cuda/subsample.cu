// Every stride-th pixel along H and W: y[p, q] = x[p stride, q stride].  dx[p stride, q stride] = dy[p, q], and 0 elsewhere; where dx has a
// term already, only the pixels that are added to are touched, and gated.
// Bytes: 8 |y| (4 in bfloat16) forward, 12 |y| (6) to add, 4 more (2) for a gate.
#include "quad.cuh"

template <class T>
__device__ inline void forward(const T* x, T* y, int N, int H, int W, int C, int P, int Q, int stride)
{
    PixelQuad at = pixel_quad(P, Q, C);
    if (at.n >= N) return;
    size_t from = ((size_t)(at.n * H + at.h * stride) * W + at.w * stride) * C + at.c;
    store4(y + ((size_t)(at.n * P + at.h) * Q + at.w) * C + at.c, C - at.c, load4(x + from, C - at.c));
}

// `visited`: the distance of the pixels that threads are started for: stride, or 1 where the others must become 0.
template <class T>
__device__ inline void backward(
    const T* dy, T* dx, int N, int H, int W, int C, int P, int Q, int stride, int visited, int adds, const T* gate)
{
    PixelQuad at = pixel_quad((H + visited - 1) / visited, (W + visited - 1) / visited, C);
    if (at.n >= N) return;
    int h = at.h * visited, w = at.w * visited;
    float4 term = {};
    if (h % stride == 0 && w % stride == 0)
        term = load4(dy + ((size_t)(at.n * P + h / stride) * Q + w / stride) * C + at.c, C - at.c);
    size_t to = ((size_t)(at.n * H + h) * W + w) * C + at.c;
    accumulate4(dx + to, C - at.c, term, adds, gate ? gate + to : nullptr);
}

extern "C" __global__ void __launch_bounds__(256) subsample_forward(
    const float* x,         // input: (N, H, W, C)
    float* y,               // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q, int stride)
{
    forward(x, y, N, H, W, C, P, Q, stride);
}

extern "C" __global__ void __launch_bounds__(256) subsample_backward(
    const float* dy,        // input: (N, P, Q, C)
    float* dx,              // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, int stride, int visited, int adds,
    const float* gate)      // input: (N, H, W, C), or null
{
    backward(dy, dx, N, H, W, C, P, Q, stride, visited, adds, gate);
}

extern "C" __global__ void __launch_bounds__(256) subsample_forward_bf16(
    const bf16* x,          // input: (N, H, W, C)
    bf16* y,                // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q, int stride)
{
    forward(x, y, N, H, W, C, P, Q, stride);
}

extern "C" __global__ void __launch_bounds__(256) subsample_backward_bf16(
    const bf16* dy,         // input: (N, P, Q, C)
    bf16* dx,               // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, int stride, int visited, int adds,
    const bf16* gate)       // input: (N, H, W, C), or null
{
    backward(dy, dx, N, H, W, C, P, Q, stride, visited, adds, gate);
}
