using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>
/// Asks for memory before it is needed, where the processor cannot guess: it follows a few streams within a page, and products and transforms read and
/// write dozens, far apart. An address may lie anywhere, also outside all memory; on other machines than x86 nothing is asked.
/// </summary>
internal static unsafe class Cache
{
    /// <summary>Numbers in a line.</summary>
    public const int Line = 16;

    /// <summary>The line of that number, into the first cache: for what comes next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* number)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(number);
    }

    /// <summary>The lines of so many numbers, into the first cache.</summary>
    public static void Fetch(float* numbers, int count)
    {
        for (int i = 0; i < count; i += Line)
            Fetch(numbers + i);
    }

    /// <summary>The line of that number, into the second cache: for what comes later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchLater(float* number)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(number);
    }
}
