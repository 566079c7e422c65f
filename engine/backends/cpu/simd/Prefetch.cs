using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>
/// Prefetches what the hardware prefetcher cannot predict: it follows a few streams within a page, while products and transforms use dozens
/// of streams that are far apart. Any address is allowed, mapped or not. Outside x86 nothing is prefetched.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>Elements in a cache line.</summary>
    public const int CacheLine = 16;

    /// <summary>Prefetches the cache line of an element into L1, for use soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void IntoL1(float* element)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(element);
    }

    /// <summary>Prefetches the cache lines of <paramref name="count"/> elements into L1.</summary>
    public static void IntoL1(float* elements, int count)
    {
        for (int i = 0; i < count; i += CacheLine)
            IntoL1(elements + i);
    }

    /// <summary>Prefetches the cache line of an element into L2, for use later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void IntoL2(float* element)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(element);
    }
}
