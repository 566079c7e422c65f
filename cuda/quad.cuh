// Four neighbouring elements per thread: the unit in which every elementwise kernel reads and writes.
//
// A quad is one access of 16 bytes (float) or 8 (bfloat16) if its address is aligned. At the end of a row, and in a
// tensor that begins at an unaligned address (a view), its elements are accessed one by one. The test is made per pointer, so kernel
// bodies need not handle alignment or tails.
#pragma once

// This thread's place among all threads of the launch.
__device__ inline unsigned thread_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

__device__ inline bool is_aligned(const void* p, unsigned bytes) { return ((unsigned long long)p & (bytes - 1)) == 0; }

// x[0..3], or its first `left` elements and then zeros.
__device__ inline float4 load4(const float* x, unsigned left)
{
    if (left >= 4 && is_aligned(x, 16)) return *(const float4*)x;
    return { left > 0 ? x[0] : 0.f, left > 1 ? x[1] : 0.f, left > 2 ? x[2] : 0.f, left > 3 ? x[3] : 0.f };
}

// y[0..3] = v, or its first `left` elements.
__device__ inline void store4(float* y, unsigned left, float4 v)
{
    if (left >= 4 && is_aligned(y, 16)) { *(float4*)y = v; return; }
    if (left > 0) y[0] = v.x;
    if (left > 1) y[1] = v.y;
    if (left > 2) y[2] = v.z;
    if (left > 3) y[3] = v.w;
}

// bfloat16: a float32 without its lower 16 bits (no CUDA header is needed). Rounding is to nearest, ties to even. NaN stays NaN: rounding its
// bits up could carry into infinity.
struct bf16
{
    unsigned short bits;
};

struct alignas(8) bf16x4
{
    bf16 x, y, z, w;
};

__device__ inline float to_float(bf16 b) { return __uint_as_float((unsigned)b.bits << 16); }
__device__ inline float to_float(float f) { return f; }

__device__ inline bf16 to_bf16(float f)
{
    unsigned u = __float_as_uint(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return { (unsigned short)(u >> 16 | 0x40u) };
    return { (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16) };
}

__device__ inline void store1(float* y, float v) { *y = v; }
__device__ inline void store1(bf16* y, float v) { *y = to_bf16(v); }

__device__ inline float4 load4(const bf16* x, unsigned left)
{
    if (left >= 4 && is_aligned(x, 8))
    {
        bf16x4 b = *(const bf16x4*)x;
        return { to_float(b.x), to_float(b.y), to_float(b.z), to_float(b.w) };
    }
    return { left > 0 ? to_float(x[0]) : 0.f, left > 1 ? to_float(x[1]) : 0.f, left > 2 ? to_float(x[2]) : 0.f, left > 3 ? to_float(x[3]) : 0.f };
}

__device__ inline void store4(bf16* y, unsigned left, float4 v)
{
    if (left >= 4 && is_aligned(y, 8)) { *(bf16x4*)y = { to_bf16(v.x), to_bf16(v.y), to_bf16(v.z), to_bf16(v.w) }; return; }
    if (left > 0) y[0] = to_bf16(v.x);
    if (left > 1) y[1] = to_bf16(v.y);
    if (left > 2) y[2] = to_bf16(v.z);
    if (left > 3) y[3] = to_bf16(v.w);
}

// f of each of the four lanes.
template <class F, class... V>
__device__ inline float4 map4(F f, V... v) { return { f(v.x...), f(v.y...), f(v.z...), f(v.w...) }; }

__device__ inline float4 add4(float4 a, float4 b) { return { a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w }; }
__device__ inline float4 scale4(float s, float4 a) { return { s * a.x, s * a.y, s * a.z, s * a.w }; }

// s a + b, rounded once.
__device__ inline float4 fma4(float s, float4 a, float4 b)
{
    return { fmaf(s, a.x, b.x), fmaf(s, a.y, b.y), fmaf(s, a.z, b.z), fmaf(s, a.w, b.w) };
}

// One term of a gradient: dx = term, or dx += term where `adds`.
template <class T>
__device__ inline void accumulate4(T* dx, unsigned left, float4 term, int adds)
{
    store4(dx, left, adds ? add4(load4(dx, left), term) : term);
}

// ReLU and its gradient. NaN stays NaN; a gradient passes where the output is NaN and is stopped where the output is at most 0, as in
// PyTorch's clamp_min and threshold_backward.
__device__ inline float relu1(float x) { return 0.f > x ? 0.f : x; }
__device__ inline float gated1(float d, float y) { return y <= 0.f ? 0.f : d; }

// The last term of a gradient whose value came out of a ReLU: the finished sum is gated by that output. No gate: null.
template <class T>
__device__ inline void accumulate4(T* dx, unsigned left, float4 term, int adds, const T* gate)
{
    if (adds) term = add4(load4(dx, left), term);
    if (gate) term = map4(gated1, term, load4(gate, left));
    store4(dx, left, term);
}

// Four neighbours of one row, none across the row's end; threads run along a row first.
struct RowQuad
{
    unsigned row;   // which row
    unsigned at;    // the first of the four within it
};

__device__ inline RowQuad row_quad(unsigned length)
{
    unsigned quads = (length + 3) / 4, t = thread_index();
    return { t / quads, t % quads * 4 };
}

// Four channels of one pixel of an (N, H, W, C) tensor; threads go along C first, then W, H and N.
struct PixelQuad
{
    int n, h, w, c;
};

__device__ inline PixelQuad pixel_quad(int H, int W, int C)
{
    RowQuad q = row_quad(C);
    return { (int)(q.row / (H * W)), (int)(q.row / W % H), (int)(q.row % W), (int)q.at };
}
