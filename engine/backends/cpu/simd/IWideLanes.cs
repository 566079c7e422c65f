namespace Engine.Backends.Cpu.Simd;

/// <summary>
/// Lanes that also work in pairs, as 64-bit whole numbers: what a counter-based generator needs. The upper half of a pair may
/// hold anything: <see cref="Product"/> does not look at it, which saves masking.
/// </summary>
internal interface IWideLanes<V> : ILanes<V> where V : struct, IWideLanes<V>
{
    /// <summary>
    /// Count / 2 neighbouring whole numbers from <paramref name="first"/> on, one to a pair, in the order in which
    /// <see cref="Interleave"/> brings what is made from them back into sequence.
    /// </summary>
    static abstract V Counters(uint first);

    /// <summary>The 64-bit products of the pairs' lower halves.</summary>
    static abstract V Product(V a, V b);

    /// <summary>The upper halves, brought down.</summary>
    static abstract V HighWord(V product);

    /// <summary>a ^ b ^ c.</summary>
    static abstract V Xor(V a, V b, V c);

    /// <summary>The lower halves of both, side by side.</summary>
    static abstract V Pair(V even, V odd);

    /// <summary>a0 b0 a1 b1 ..., in each 128-bit part: of its lower two lanes, and of its upper two.</summary>
    static abstract (V Low, V High) Interleave(V a, V b);
}
