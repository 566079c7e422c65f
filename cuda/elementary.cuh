// Elementary functions as on the CPU backend (engine/backends/Lanes.cs, the same coefficients in the same order): accurate to one or two
// units in the last place, with the same bits on every device. Only fmaf may fuse a multiplication and an addition, so kernels are compiled
// with --fmad=false.
#pragma once

__device__ inline float as_float(unsigned bits) { return __uint_as_float(bits); }
__device__ inline unsigned as_bits(float x) { return __float_as_uint(x); }

// e^x: 0 below -104, infinity above 88.73.
__device__ inline float exponential(float x)
{
    constexpr float Rounder = 12582912.f;   // 1.5 x 2^23: adding it rounds to a whole number, kept in the low bits
    x = 90.f < x ? 90.f : x;
    x = -110.f > x ? -110.f : x;

    // x = n ln 2 + r + lost, where |r| <= ln 2 / 2 and lost is the rounding error of r.
    float rounded = fmaf(x, 1.442695041f, Rounder);
    float n = rounded - Rounder;
    float high = fmaf(n, -0.693359375f, x);
    float r = fmaf(n, 2.12194440e-4f, high);
    float lost = fmaf(n, 2.12194440e-4f, high - r);

    // (e^r - 1 - r) / r^2
    float p = fmaf(r, 0.0013950807f, 0.008369073f);
    p = fmaf(p, r, 0.041666202f);
    p = fmaf(p, r, 0.16666517f);
    p = fmaf(p, r, 0.5f);

    // e^r = (1 + r) + (r^2 p + lost). The rounding error of 1 + r is added to the small part, so the result rounds once at full size.
    float sum = 1.f + r;
    float small = fmaf(r * r, p, lost) + (r - (sum - 1.f));
    p = sum + small;

    // 2^n as two factors, each a normal number, also where 2^n itself is not.
    unsigned half = as_bits(fmaf(n, 0.5f, Rounder));
    return p * as_float(0x3F800000u + (half << 23)) * as_float(0x3F800000u + ((as_bits(rounded) - half) << 23));
}

// ln x for positive, finite x of 2^-126 and above.
__device__ inline float logarithm_of_normal(float x)
{
    // x = 2^e m, m in [sqrt(1/2), sqrt(2)), f = m - 1
    constexpr unsigned SqrtHalf = 0x3F3504F3u;
    unsigned shifted = as_bits(x) - SqrtHalf;
    float e = (float)((int)shifted >> 23);
    float f = as_float((shifted & 0x007FFFFFu) + SqrtHalf) - 1.f;
    float square = f * f;

    // (ln (1 + f) - f + f^2/2) / f^3
    float p = fmaf(f, 0.06747692f, -0.11677505f);
    p = fmaf(p, f, 0.11888709f);
    p = fmaf(p, f, -0.124053426f);
    p = fmaf(p, f, 0.14219451f);
    p = fmaf(p, f, -0.16668005f);
    p = fmaf(p, f, 0.20002124f);
    p = fmaf(p, f, -0.2500001f);
    p = fmaf(p, f, 0.33333313f);

    // The small terms come first, so that only the last addition rounds at the size of the result.
    float y = fmaf(e, -2.12194440e-4f, square * f * p);
    y = fmaf(-0.5f, square, y);
    return fmaf(e, 0.693359375f, f + y);
}

// ln x: -infinity at 0, NaN below.
__device__ inline float logarithm(float x)
{
    if (x < 0.f) return as_float(0x7FC00000u);
    if (x == 0.f) return as_float(0xFF800000u);
    if (!(x < as_float(0x7F800000u))) return x;     // infinity, NaN
    bool tiny = x < 1.17549435e-38f;
    return logarithm_of_normal(tiny ? x * 8388608.f : x) - (tiny ? 15.942385f : 0.f);
}

// e^-|x| cannot overflow. For x below 0 the result is e^x / (1 + e^x): it is small there, and this form does not double its error.
__device__ inline float sigmoid(float x)
{
    float small = exponential(as_float(as_bits(x) | 0x80000000u));
    return (x < 0.f ? small : 1.f) / (1.f + small);
}

struct SinCos
{
    float sin, cos;
};

// Sine and cosine of (turn + 1/2) / 2^32 turns. The nearest quarter turn is subtracted in integers, exactly, so the remaining
// angle, at most pi/4, is equally accurate for every turn.
__device__ inline SinCos sin_cos_of_turn(unsigned turn)
{
    constexpr float High = 1.46291812e-09f, Low = -4.07094027e-17f;     // 2 pi / 2^32 in two parts: one alone is wrong by half a unit
    unsigned quarters = turn + 0x20000000u;                             // the two high bits count them
    float rest = (float)(int)(turn - (quarters & 0xC0000000u));
    float a = fmaf(rest, High, fmaf(rest, Low, 0.5f * High));
    float square = a * a;

    // (sin a - a) / a^3 and (cos a - 1 + a^2/2) / a^4, in a^2
    float s = fmaf(fmaf(square, -0.00019517266f, 0.008332178f), square, -0.16666655f);
    float c = fmaf(fmaf(square, 2.4438414e-05f, -0.0013887368f), square, 0.041666646f);
    s = fmaf(square * a, s, a);
    c = fmaf(square * square, c, fmaf(square, -0.5f, 1.f));

    // Odd quarters swap the two. The sine is negative in quarters 2 and 3, the cosine in 1 and 2.
    bool odd = quarters & 0x40000000u;
    return { as_float(as_bits(odd ? c : s) ^ (quarters & 0x80000000u)),
             as_float(as_bits(odd ? s : c) ^ ((quarters + 0x40000000u) & 0x80000000u)) };
}
