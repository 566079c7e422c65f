// y = the maximum of each window of x, NaN if it contains one; padding is never the maximum.  dx = dy at each window's first maximum in
// row-major order, or at its last NaN, as in PyTorch.
//
// Backward gathers: each pixel checks, for every window that covers it, whether it is the first element equal to the window's y. No index
// is stored and no two threads write one address. Storing the index (1 byte per output) would halve the bytes of a 2x2 pool, some
// 5 us of a step whose convolutions take milliseconds, for one more buffer on the tape: not worth it.
// Bytes, half of them in bfloat16: 4 |x| + 4 |y| forward; 8 |x| + 8 |y| backward (neighbouring threads share windows: the rest comes from the L1 and L2 cache).
#include "quad.cuh"

struct Window
{
    int kernel, stride, padding;    // as ConvGeometry
};

template <class T>
__device__ inline void forward(const T* x, T* y, int N, int H, int W, int C, int P, int Q, Window window)
{
    PixelQuad at = pixel_quad(P, Q, C);
    if (at.n >= N) return;
    int h0 = at.h * window.stride - window.padding, w0 = at.w * window.stride - window.padding;
    const float low = -__int_as_float(0x7f800000);
    float4 best = { low, low, low, low };
    for (int h = max(h0, 0); h < min(h0 + window.kernel, H); h++)
        for (int w = max(w0, 0); w < min(w0 + window.kernel, W); w++)
        {
            float4 v = load4(x + ((size_t)(at.n * H + h) * W + w) * C + at.c, C - at.c);
            best = map4([](float best, float v) { return v > best || v != v ? v : best; }, best, v);
        }
    store4(y + ((size_t)(at.n * P + at.h) * Q + at.w) * C + at.c, C - at.c, best);
}

template <class T>
__device__ inline void backward(const T* x, const T* y, const T* dy, T* dx, int N, int H, int W, int C, int P, int Q, Window window, int adds)
{
    PixelQuad at = pixel_quad(H, W, C);
    if (at.n >= N) return;
    unsigned left = C - at.c;
    size_t mine = ((size_t)(at.n * H + at.h) * W + at.w) * C + at.c;
    float4 v = load4(x + mine, left), sum = {};
    // Window p covers rows p stride - padding to that + kernel - 1.
    int p0 = max(0, (at.h + window.padding - window.kernel + window.stride) / window.stride);
    int q0 = max(0, (at.w + window.padding - window.kernel + window.stride) / window.stride);
    int p1 = min(P - 1, (at.h + window.padding) / window.stride), q1 = min(Q - 1, (at.w + window.padding) / window.stride);
    for (int p = p0; p <= p1; p++)
        for (int q = q0; q <= q1; q++)
        {
            size_t there = ((size_t)(at.n * P + p) * Q + q) * C + at.c;
            float4 top = load4(y + there, left);
            float4 term = map4([](float v, float top, float dy) { return v == top || v != v ? dy : 0.f; }, v, top, load4(dy + there, left));
            // An equal element earlier in the window has precedence.
            int h0 = p * window.stride - window.padding, w0 = q * window.stride - window.padding;
            for (int h = max(h0, 0); h <= at.h; h++)
                for (int w = max(w0, 0); w < (h < at.h ? min(w0 + window.kernel, W) : at.w); w++)
                {
                    float4 earlier = load4(x + ((size_t)(at.n * H + h) * W + w) * C + at.c, left);
                    term = map4([](float term, float e, float top) { return e == top ? 0.f : term; }, term, earlier, top);
                }
            // A NaN later in the window has precedence, too; only a NaN can lose to one.
            if (v.x == v.x && v.y == v.y && v.z == v.z && v.w == v.w) { sum = add4(sum, term); continue; }
            for (int h = at.h; h < min(h0 + window.kernel, H); h++)
                for (int w = h > at.h ? max(w0, 0) : at.w + 1; w < min(w0 + window.kernel, W); w++)
                {
                    float4 later = load4(x + ((size_t)(at.n * H + h) * W + w) * C + at.c, left);
                    term = map4([](float term, float l) { return l != l ? 0.f : term; }, term, later);
                }
            sum = add4(sum, term);
        }
    accumulate4(dx + mine, left, sum, adds);
}

extern "C" __global__ void __launch_bounds__(256) max_pool_forward(
    const float* x,         // input: (N, H, W, C)
    float* y,               // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q, Window window)
{
    forward(x, y, N, H, W, C, P, Q, window);
}

extern "C" __global__ void __launch_bounds__(256) max_pool_backward(
    const float* x,         // input: (N, H, W, C)
    const float* y,         // input: (N, P, Q, C)
    const float* dy,        // input: (N, P, Q, C)
    float* dx,              // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, Window window, int adds)
{
    backward(x, y, dy, dx, N, H, W, C, P, Q, window, adds);
}

extern "C" __global__ void __launch_bounds__(256) max_pool_forward_bf16(
    const bf16* x,          // input: (N, H, W, C)
    bf16* y,                // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q, Window window)
{
    forward(x, y, N, H, W, C, P, Q, window);
}

// Four blocks at a time: for more, the compiler would spill a register.
extern "C" __global__ void __launch_bounds__(256, 4) max_pool_backward_bf16(
    const bf16* x,          // input: (N, H, W, C)
    const bf16* y,          // input: (N, P, Q, C)
    const bf16* dy,         // input: (N, P, Q, C)
    bf16* dx,               // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, Window window, int adds)
{
    backward(x, y, dy, dx, N, H, W, C, P, Q, window, adds);
}
