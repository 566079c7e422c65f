using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends;

/// <summary>
/// Elementary functions over lanes, accurate to one or two units in the last place. They are polynomials and integer operations on the bits
/// (no table, no call into a C library), so the same code gives the same bits on every processor and in a CUDA kernel. The coefficients are
/// minimax fits of the remainders named beside them, weighted so that the whole has a relative error below 2^-28.
/// </summary>
public static class Lanes
{
    /// <summary>1.5 x 2^23: floats of this size are integers, so adding it rounds to an integer, which the low bits then contain.</summary>
    private const float Rounder = 12582912f;

    private const float Log2E = 1.442695041f;

    /// <summary>ln 2 in two parts. The first has few enough bits that its product with an exponent is exact.</summary>
    private const float Ln2High = 0.693359375f;

    private const float Ln2Low = -2.12194440e-4f;

    /// <summary>The bits of sqrt(1/2): mantissas are taken from [sqrt(1/2), sqrt(2)), where their logarithm is smallest.</summary>
    private const uint SqrtHalf = 0x3F3504F3;

    /// <summary>e^x: 0 below -104, infinity above 88.73.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x) where V : struct, ILanes<V>
    {
        x = V.Max(-110f, V.Min(90f, x));

        // x = n ln 2 + r + lost, where |r| <= ln 2 / 2 and lost is the rounding error of r.
        V rounded = V.Fma(x, Log2E, Rounder);
        V n = rounded - Rounder;
        V high = V.Fma(n, -Ln2High, x);
        V r = V.Fma(n, -Ln2Low, high);
        V lost = V.Fma(n, -Ln2Low, high - r);

        // (e^r - 1 - r) / r²
        V p = V.Fma(r, 0.0013950807f, 0.008369073f);
        p = V.Fma(p, r, 0.041666202f);
        p = V.Fma(p, r, 0.16666517f);
        p = V.Fma(p, r, 0.5f);

        // e^r = (1 + r) + (r² p + lost). The rounding error of 1 + r is added to the small part, so the result rounds once at full size.
        V one = 1f;
        V sum = one + r;
        V small = V.Fma(r * r, p, lost) + (r - (sum - one));
        p = sum + small;

        // 2^n as two factors, each a normal number, also where 2^n itself is not.
        V half = V.Fma(n, 0.5f, Rounder);
        return p * V.AddBits(one, half << 23) * V.AddBits(one, V.SubtractBits(rounded, half) << 23);
    }

    /// <summary>ln x: -infinity at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V>(V x) where V : struct, ILanes<V>
    {
        V tiny = x < 1.17549435e-38f;
        V y = LogOfNormal(V.Select(tiny, x * 8388608f, x)) - V.Select(tiny, 15.942385f, 0f);
        y = V.Select(V.Same(x, float.PositiveInfinity), x, y);
        y = V.Select(V.Same(x, 0f), float.NegativeInfinity, y);
        return V.Select(x < 0f, float.NaN, V.Select(V.Same(x, x), y, x));
    }

    /// <summary>ln x for positive, finite x of 2^-126 and above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LogOfNormal<V>(V x) where V : struct, ILanes<V>
    {
        // x = 2^e m, m in [sqrt(1/2), sqrt(2)), f = m - 1.
        V shifted = V.SubtractBits(x, V.Bits(SqrtHalf));
        V e = V.FromSigned(shifted >> 23);
        V f = V.AddBits(shifted & V.Bits(0x007FFFFF), V.Bits(SqrtHalf)) - 1f;
        V square = f * f;

        // (ln (1 + f) - f + f²/2) / f³
        V p = V.Fma(f, 0.06747692f, -0.11677505f);
        p = V.Fma(p, f, 0.11888709f);
        p = V.Fma(p, f, -0.124053426f);
        p = V.Fma(p, f, 0.14219451f);
        p = V.Fma(p, f, -0.16668005f);
        p = V.Fma(p, f, 0.20002124f);
        p = V.Fma(p, f, -0.2500001f);
        p = V.Fma(p, f, 0.33333313f);

        // The small terms come first, so that only the last addition rounds at the size of the result.
        V y = V.Fma(e, Ln2Low, square * f * p);
        y = V.Fma(-0.5f, square, y);
        return V.Fma(e, Ln2High, f + y);
    }

    /// <summary>
    /// Sine and cosine of (w + 1/2) / 2^32 turns, where w is the bit pattern as an unsigned integer. The nearest quarter turn is subtracted
    /// in integers, exactly, so the remaining angle, at most π/4, is equally accurate for every w.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V Sin, V Cos) SinCosOfTurn<V>(V turn) where V : struct, ILanes<V>
    {
        // 2π / 2^32 in two parts: one part alone would be half a unit in the last place off.
        const float High = 1.46291812e-09f;
        const float Low = -4.07094027e-17f;

        // The two high bits of w + 1/8 turn are the index of the quarter.
        V quarters = V.AddBits(turn, V.Bits(0x20000000));
        V rest = V.SubtractBits(turn, quarters & V.Bits(0xC0000000));
        V signed = V.FromSigned(rest);
        V a = V.Fma(signed, High, V.Fma(signed, Low, 0.5f * High));
        V square = a * a;

        // (sin a - a) / a³ and (cos a - 1 + a²/2) / a⁴, in a².
        V s = V.Fma(V.Fma(square, -0.00019517266f, 0.008332178f), square, -0.16666655f);
        V c = V.Fma(V.Fma(square, 2.4438414e-05f, -0.0013887368f), square, 0.041666646f);
        s = V.Fma(square * a, s, a);
        c = V.Fma(square * square, c, V.Fma(square, -0.5f, 1f));

        // Odd quarters swap the two. The sine is negative in quarters 2 and 3, the cosine in 1 and 2.
        V odd = (quarters << 1) >> 31;
        V sign = V.Bits(0x80000000);
        V sin = V.Select(odd, c, s) ^ (quarters & sign);
        V cos = V.Select(odd, s, c) ^ (V.AddBits(quarters, V.Bits(0x40000000)) & sign);
        return (sin, cos);
    }
}
