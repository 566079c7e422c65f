using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu.Simd;

/// <summary>
/// Asks for memory before it is needed, where the processor cannot guess: it follows a few streams within a page, and products and transforms read and
/// write dozens, far apart. An address may lie anywhere, also outside all memory; on other machines than x86 nothing is asked.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>Numbers in a line.</summary>
    public const int CacheLine = 16;

    /// <summary>The line of that number, into the first cache: for what comes next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void IntoL1(float* element)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(element);
    }

    /// <summary>The lines of so many numbers, into the first cache.</summary>
    public static void IntoL1(float* elements, int count)
    {
        for (int i = 0; i < count; i += CacheLine)
            IntoL1(elements + i);
    }

    /// <summary>The line of that number, into the second cache: for what comes later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void IntoL2(float* element)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(element);
    }
}
