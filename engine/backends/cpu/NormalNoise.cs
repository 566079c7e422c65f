using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu;

/// <summary>
/// Standard normal numbers from counters, as <see cref="Noise"/> defines them: Philox4x32-10 (Salmon et al. 2011), then Box-Muller. Several
/// counters are processed at a time, with the same bits at every register width.
/// </summary>
internal static unsafe class NormalNoise
{
    /// <summary>Upper bound of the elements that are written past the end of a row: one step with the widest registers.</summary>
    public const int Overrun = 32;

    /// <summary>
    /// Writes the noise of <paramref name="count"/> elements of one image and copy, from element <paramref name="first"/> (a multiple of 4)
    /// on.
    /// </summary>
    public static void Fill(ulong seed, uint image, uint copy, uint step, int first, int count, float* to) =>
        Registers.Run(new Row(seed, image, copy, step, first, count, to));

    /// <inheritdoc cref="Fill"/>
    public static void Fill<V>(ulong seed, uint image, uint copy, uint step, int first, int count, float* to)
        where V : struct, IWideLanes<V>
    {
        Words<V>(seed, image, copy, step, first, count, to);
        Normals<V>(count, to);
    }

    private readonly struct Row(ulong seed, uint image, uint copy, uint step, int first, int count, float* to) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V> => Fill<V>(seed, image, copy, step, first, count, to);
    }

    /// <summary>
    /// Writes random words: radii and angles in alternate registers. This is separate from <see cref="Normals"/>, because in one loop the
    /// two chains of dependent operations would wait for each other.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Words<V>(ulong seed, uint image, uint copy, uint step, int first, int count, float* to)
        where V : struct, IWideLanes<V>
    {
        (V key0, V key1) = (V.Bits((uint)seed), V.Bits((uint)(seed >> 32)));
        for (int i = 0; i < count; i += 2 * V.Count)
        {
            V element = V.Counters((uint)(first + i) / 4);
            (V a, V b, V c, V d) = Philox(element, V.Bits(image), V.Bits(copy), V.Bits(step), key0, key1);
            V.Store(V.Pair(a, c), to + i);
            V.Store(V.Pair(b, d), to + i + V.Count);
        }
    }

    /// <summary>Converts those words to normal numbers, in the order of the elements and in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normals<V>(int count, float* to) where V : struct, IWideLanes<V>
    {
        for (int i = 0; i < count; i += 2 * V.Count)
        {
            (V cos, V sin) = BoxMuller(V.Load(to + i), V.Load(to + i + V.Count));
            (V low, V high) = V.Interleave(cos, sin);
            V.Store(low, to + i);
            V.Store(high, to + i + V.Count);
        }
    }

    /// <summary>
    /// Ten rounds of Philox: converts the four words of a counter, each in the lower half of a pair of lanes, to random words.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V A, V B, V C, V D) Philox<V>(V a, V b, V c, V d, V key0, V key1) where V : struct, IWideLanes<V>
    {
        for (int round = 0; round < 10; round++)
        {
            V p = V.Product(a, V.Bits(0xD2511F53));
            V q = V.Product(c, V.Bits(0xCD9E8D57));
            (a, b, c, d) = (V.Xor(V.HighWord(q), b, key0), q, V.Xor(V.HighWord(p), d, key1), p);
            key0 = V.AddBits(key0, V.Bits(0x9E3779B9));
            key1 = V.AddBits(key1, V.Bits(0xBB67AE85));
        }
        return (a, b, c, d);
    }

    /// <summary>Converts two random words to two independent standard normals: r cos θ and r sin θ with r = sqrt(-2 ln u).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V Cos, V Sin) BoxMuller<V>(V radius, V turn) where V : struct, ILanes<V>
    {
        const float Unit = 2.3283064e-10f;    // 2^-32

        V u = V.Fma(V.FromUnsigned(radius), Unit, 0.5f * Unit);
        V r = V.Sqrt(-2f * Lanes.LogOfNormal(u));
        (V sin, V cos) = Lanes.SinCosOfTurn(turn);
        return (r * cos, r * sin);
    }
}
