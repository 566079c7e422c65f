// y = x (N, H, W, C) resized bilinearly to (N, P, Q, C), without antialiasing;  dx = the adjoint, gathered.
//
// Along an axis of `from` pixels, output i of `to` lies at the source coordinate
//     half-pixel corners   (2 i + 1) from / (2 to) - 1/2, clamped to [0, from - 1]
//     mirrored             the same, not clamped: pixel -1 is pixel 1, pixel `from` is pixel from - 2
//     aligned corners      i (from - 1) / (to - 1)
// a ratio of integers: its floor is exact and its fraction is rounded once.
// Sums run along H, then W, as on the CPU, and give the same bits.
// Bytes: 4 |x| + 4 |y| in either direction; when enlarging, backward reads each dy for the four pixels around it, from the L1 and L2 cache.
#include "quad.cuh"

enum Corners { HalfPixel, Aligned, Mirrored };

struct Source
{
    int low, high;      // the two pixels; at the last one they are the same and its share is 1
    float near, far;    // their shares
};

__device__ inline Source source_of(int i, int from, int to, int corners)
{
    if (from == 1) return { 0, 0, 1.f, 0.f };
    long long numerator = corners == Aligned ? (long long)i * (from - 1) : (2LL * i + 1) * from - to;
    long long denominator = corners == Aligned ? max(to - 1, 1) : 2LL * to;
    bool before = numerator < 0;
    if (before) numerator = corners == Mirrored ? numerator + denominator : 0;
    int low = min((int)(numerator / denominator), from - 1);
    double fraction = (double)(numerator - low * denominator) / denominator;
    // Outside, the two pixels are the first two or the last two, and the farther one is that inside.
    if (corners == Mirrored && before) return { 0, 1, (float)fraction, (float)(1 - fraction) };
    if (corners == Mirrored && low == from - 1) return { low - 1, low, (float)fraction, (float)(1 - fraction) };
    if (low == from - 1) return { low, low, 1.f, 0.f };
    return { low, low + 1, (float)(1 - fraction), (float)fraction };
}

__device__ inline bool uses(Source s, int x) { return s.low == x || s.high == x; }

// The weight of pixel x in the output. A weight of 0 counts as well: 0 times infinity is NaN.
__device__ inline float share(Source s, int x) { return s.low == x ? s.near : s.far; }

// The first output whose source lies above pixel x - 1, or an earlier one: coordinates rise with i, so the formula can be inverted.
__device__ inline int first_output(int x, int from, int to, int corners)
{
    if (x <= (corners == Mirrored)) return 0;
    if (corners == Aligned) return from == 1 ? 0 : (int)((long long)(x - 1) * (to - 1) / (from - 1));
    return max((int)(((2LL * x - 1) * to - from) / (2LL * from)), 0);
}

// The last output whose source lies below pixel x + 1, or a later one.
__device__ inline int last_output(int x, int from, int to, int corners)
{
    return x >= from - 1 - (corners == Mirrored) ? to - 1 : min(first_output(x + 2, from, to, corners) + 1, to - 1);
}

extern "C" __global__ void __launch_bounds__(256) resize_forward(
    const float* x,         // input: (N, H, W, C)
    float* y,               // output: (N, P, Q, C)
    int N, int H, int W, int C, int P, int Q, int corners)
{
    PixelQuad at = pixel_quad(P, Q, C);
    if (at.n >= N) return;
    unsigned left = C - at.c;
    Source row = source_of(at.h, H, P, corners), column = source_of(at.w, W, Q, corners);
    const float* low = x + (size_t)(at.n * H + row.low) * W * C + at.c;
    const float* high = x + (size_t)(at.n * H + row.high) * W * C + at.c;
    auto between = [=](int w)
    {
        return fma4(row.far, load4(high + (size_t)w * C, left), scale4(row.near, load4(low + (size_t)w * C, left)));
    };
    float4 v = fma4(column.far, between(column.high), scale4(column.near, between(column.low)));
    store4(y + ((size_t)(at.n * P + at.h) * Q + at.w) * C + at.c, left, v);
}

extern "C" __global__ void __launch_bounds__(256) resize_backward(
    const float* dy,        // input: (N, P, Q, C)
    float* dx,              // gradient: (N, H, W, C)
    int N, int H, int W, int C, int P, int Q, int corners, int adds)
{
    PixelQuad at = pixel_quad(H, W, C);
    if (at.n >= N) return;
    unsigned left = C - at.c;
    float4 sum = {};
    int p0 = first_output(at.h, H, P, corners), p1 = last_output(at.h, H, P, corners);
    int q1 = last_output(at.w, W, Q, corners);
    for (int q = first_output(at.w, W, Q, corners); q <= q1; q++)
    {
        Source column_source = source_of(q, W, Q, corners);
        if (!uses(column_source, at.w)) continue;
        float4 column = {};
        for (int p = p0; p <= p1; p++)
        {
            Source row_source = source_of(p, H, P, corners);
            if (!uses(row_source, at.h)) continue;
            column = fma4(share(row_source, at.h), load4(dy + ((size_t)(at.n * P + p) * Q + q) * C + at.c, left), column);
        }
        sum = fma4(share(column_source, at.w), column, sum);
    }
    accumulate4(dx + ((size_t)(at.n * H + at.h) * W + at.w) * C + at.c, left, sum, adds);
}
