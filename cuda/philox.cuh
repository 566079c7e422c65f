// Standard normal noise that is never stored (engine/backends/Noise.cs defines the mapping, engine/backends/cpu/NormalNoise.cs is the
// CPU's implementation): Philox4x32-10 (Salmon et al. 2011) with key = seed and counter = (element / 4, image, copy, step) gives four
// 32-bit outputs a b c d; Box-Muller turns (a, b) into elements 4e, 4e + 1 and (c, d) into 4e + 2, 4e + 3:
//     r cos t, r sin t    with r = sqrt(-2 ln((a + 1/2) / 2^32)), t = 2 pi (b + 1/2) / 2^32.
// A thread's four elements are one counter, so its noise never leaves the registers.
#pragma once
#include "elementary.cuh"
#include "quad.cuh"

struct Philox
{
    unsigned a, b, c, d;
};

__device__ inline Philox philox(Philox counter, unsigned key0, unsigned key1)
{
    Philox w = counter;
    for (int round = 0; round < 10; round++)
    {
        unsigned high0 = __umulhi(0xD2511F53u, w.a), low0 = 0xD2511F53u * w.a;
        unsigned high1 = __umulhi(0xCD9E8D57u, w.c), low1 = 0xCD9E8D57u * w.c;
        w = { high1 ^ w.b ^ key0, low1, high0 ^ w.d ^ key1, low0 };
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return w;
}

__device__ inline SinCos box_muller(unsigned radius, unsigned turn)
{
    constexpr float Unit = 2.3283064e-10f;      // 2^-32
    float r = sqrtf(-2.f * logarithm_of_normal(fmaf((float)radius, Unit, 0.5f * Unit)));
    SinCos t = sin_cos_of_turn(turn);
    return { r * t.sin, r * t.cos };
}

// The noise of one launch. Passed by value.
struct Noise
{
    const float* images;    // (I) the image word of every image
    const float* step;      // (1) the step word
    const float* recorded;  // (I x copies, length) noise to use instead, or null
    unsigned key0, key1;    // the seed, low word first
    unsigned copies;        // per image
    unsigned length;        // elements of one image
};

// The counter of the four elements beginning at `at` (a multiple of 4), for copy 0.
__device__ inline Philox noise_counter(const Noise& noise, unsigned image, unsigned at)
{
    return { at / 4, (unsigned)noise.images[image], 0, (unsigned)noise.step[0] };
}

// The noise of these elements in a copy; `left` of them exist.
__device__ inline float4 noise4(const Noise& noise, Philox counter, unsigned image, unsigned copy, unsigned at, unsigned left)
{
    if (noise.recorded) return load4(noise.recorded + (size_t)(image * noise.copies + copy) * noise.length + at, left);
    Philox w = philox({ counter.a, counter.b, copy, counter.d }, noise.key0, noise.key1);
    SinCos first = box_muller(w.a, w.b), second = box_muller(w.c, w.d);
    return { first.cos, first.sin, second.cos, second.sin };
}
