// Copies of a convolution's weights w (K, R, R, C), made once after each write:
//     kept in order      y (K, R, R, C'), with C' - C channels of 0 appended
//     turned             y (C, R, R, K): y[c, r, s, k] = w[k, R - 1 - r, R - 1 - s, c], with which the data gradient of a convolution of stride 1
//                        is the forward convolution of dy
// One element per thread: this runs before the loop.
#include "quad.cuh"

template <class T>
__device__ inline void arrange(const float* w, T* y, unsigned K, unsigned R, unsigned C, unsigned padded, int turned)
{
    unsigned i = thread_index(), taps = R * R;
    if (i >= K * taps * padded) return;
    if (turned)
    {
        unsigned k = i % K, tap = i / K % taps, c = i / K / taps;
        store1(y + i, c < C ? w[((size_t)k * taps + taps - 1 - tap) * C + c] : 0.f);
        return;
    }
    unsigned c = i % padded;
    store1(y + i, c < C ? w[(size_t)(i / padded) * C + c] : 0.f);
}

extern "C" __global__ void __launch_bounds__(256) arrange_float(
    const float* w,         // input: (K, R, R, C)
    float* y,               // output: (K, R, R, padded), or (padded, R, R, K) where turned
    unsigned K, unsigned R, unsigned C, unsigned padded, int turned)
{
    arrange(w, y, K, R, C, padded, turned);
}

extern "C" __global__ void __launch_bounds__(256) arrange_bf16(
    const float* w,         // input: (K, R, R, C)
    bf16* y,                // output: (K, R, R, padded), or (padded, R, R, K) where turned
    unsigned K, unsigned R, unsigned C, unsigned padded, int turned)
{
    arrange(w, y, K, R, C, padded, turned);
}
