namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>
/// Lanes that also work in pairs, as 64-bit integers, for a counter-based generator. The upper half of a pair may hold any bits:
/// <see cref="Product"/> ignores it, which saves masking.
/// </summary>
internal interface IWideLanes<V> : ILanes<V> where V : struct, IWideLanes<V>
{
    /// <summary>
    /// Count / 2 consecutive integers from <paramref name="first"/> on, one per pair. They are ordered so that <see cref="Interleave"/>
    /// puts what is computed from them into sequence.
    /// </summary>
    static abstract V Counters(uint first);

    /// <summary>The 64-bit products of the lower halves of the pairs.</summary>
    static abstract V Product(V a, V b);

    /// <summary>The upper halves, moved to the lower halves.</summary>
    static abstract V HighWord(V product);

    /// <summary>a ^ b ^ c.</summary>
    static abstract V Xor(V a, V b, V c);

    /// <summary>The lower halves of both, interleaved.</summary>
    static abstract V Pair(V even, V odd);

    /// <summary>a0 b0 a1 b1 ... within each 128-bit part: Low from its lower two lanes, High from its upper two.</summary>
    static abstract (V Low, V High) Interleave(V a, V b);
}
