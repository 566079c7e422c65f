// y = x blurred along H and W, per channel, the border mirrored (mirror.cuh);  dx = the adjoint.
// Bytes: 8 per element, 12 if it adds; the tiles' borders come from the L1 and L2 cache.
#include "blur.cuh"

extern "C" __global__ void __launch_bounds__(256) blur_forward(
    const float* x,         // input: (N, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    float* y,               // output: (N, H, W, C)
    int radius, int H, int W, int C, BlurTile tile)
{
    blur_tile<false>([x](size_t at, unsigned left) { return load4(x + at, left); },
                     [y](size_t at, unsigned left, float4 v) { store4(y + at, left, v); },
                     taps, radius, H, W, C, tile);
}

extern "C" __global__ void __launch_bounds__(256) blur_backward(
    const float* dy,        // input: (N, H, W, C)
    const float* taps,      // input: (2 radius + 1)
    float* dx,              // gradient: (N, H, W, C)
    int radius, int H, int W, int C, BlurTile tile, int adds)
{
    blur_tile<true>([dy](size_t at, unsigned left) { return load4(dy + at, left); },
                    [dx, adds](size_t at, unsigned left, float4 v) { accumulate4(dx + at, left, v, adds); },
                    taps, radius, H, W, C, tile);
}

// A blur too wide for a tile runs one axis at a time through an intermediate buffer: 16 bytes per element instead of 8.
// An axis of `extent` elements lies between `outer` images or rows and `inner` elements: (N, H, W C) for H, (N H, W, C) for W.

extern "C" __global__ void __launch_bounds__(256) blur_axis_forward(
    const float* x,         // input: (outer, extent, inner)
    const float* taps,      // input: (2 radius + 1)
    float* y,               // output: (outer, extent, inner)
    int radius, unsigned outer, int extent, int inner)
{
    RowQuad q = row_quad(inner);
    if (q.row >= outer * extent) return;
    const float* line = x + (size_t)(q.row / extent) * extent * inner + q.at;
    float4 v = blur_line<false>(taps, radius, q.row % extent, extent, [=](int j) { return load4(line + (size_t)j * inner, inner - q.at); });
    store4(y + (size_t)q.row * inner + q.at, inner - q.at, v);
}

extern "C" __global__ void __launch_bounds__(256) blur_axis_backward(
    const float* dy,        // input: (outer, extent, inner)
    const float* taps,      // input: (2 radius + 1)
    float* dx,              // gradient: (outer, extent, inner)
    int radius, unsigned outer, int extent, int inner, int adds)
{
    RowQuad q = row_quad(inner);
    if (q.row >= outer * extent) return;
    const float* line = dy + (size_t)(q.row / extent) * extent * inner + q.at;
    float4 v = blur_line<true>(taps, radius, q.row % extent, extent, [=](int j) { return load4(line + (size_t)j * inner, inner - q.at); });
    accumulate4(dx + (size_t)q.row * inner + q.at, inner - q.at, v, adds);
}
