// bfloat16: float32 without its lower 16 bits, stored as unsigned short (no CUDA header is needed).
// Only convolutions may run in it, so their inputs and results are converted here. The kernels also apply two steps of the gradient: the
// gate of a ReLU to the input, gate and sum to the output.
// Rounding is to nearest, ties to even. NaN stays NaN: rounding its bits up could carry into infinity.
// Bytes per element: 6, +4 if gated, +4 if it adds.
#include "quad.cuh"

struct alignas(8) Bf16x4
{
    unsigned short x, y, z, w;
};

__device__ inline float to_float(unsigned short b) { return __uint_as_float((unsigned)b << 16); }

__device__ inline unsigned short to_bf16(float f)
{
    unsigned u = __float_as_uint(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (unsigned short)(u >> 16 | 0x40u);
    return (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

// y = x, or 0 where gate is at most 0.
extern "C" __global__ void __launch_bounds__(256) float_to_bf16(
    const float* x,         // input: (n)
    const float* gate,      // input: (n), or null
    unsigned short* y,      // output: (n)
    unsigned n)
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    unsigned left = n - i;
    float4 v = load4(x + i, left);
    if (gate) v = map4(gated1, v, load4(gate + i, left));
    Bf16x4 b = { to_bf16(v.x), to_bf16(v.y), to_bf16(v.z), to_bf16(v.w) };
    y += i;
    if (left >= 4 && is_aligned(y, 8)) { *(Bf16x4*)y = b; return; }
    y[0] = b.x;
    if (left > 1) y[1] = b.y;
    if (left > 2) y[2] = b.z;
    if (left > 3) y[3] = b.w;
}

// y = x or y += x, then 0 where gate is at most 0.
extern "C" __global__ void __launch_bounds__(256) bf16_to_float(
    const unsigned short* x,    // input: (n)
    float* y,                   // output: (n)
    unsigned n, int adds,
    const float* gate)          // input: (n), or null
{
    unsigned i = 4 * thread_index();
    if (i >= n) return;
    unsigned left = n - i;
    x += i;
    Bf16x4 b;
    if (left >= 4 && is_aligned(x, 8)) b = *(const Bf16x4*)x;
    else b = { x[0], left > 1 ? x[1] : (unsigned short)0, left > 2 ? x[2] : (unsigned short)0, left > 3 ? x[3] : (unsigned short)0 };
    accumulate4(y + i, left, { to_float(b.x), to_float(b.y), to_float(b.z), to_float(b.w) }, adds, gate ? gate + i : nullptr);
}
