namespace Iba.Engine.Backends;

/// <summary>
/// A SIMD vector of float32 values, as wide as a register of the processor. A formula written once over <typeparamref name="V"/> runs at
/// every width, including one, and gives the same bits at each: every operation rounds once.
/// </summary>
/// <typeparam name="V">The type itself.</typeparam>
public unsafe interface ILanes<V> where V : struct, ILanes<V>
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    /// <summary>x in every lane.</summary>
    static abstract implicit operator V(float x);

    /// <summary>a + b.</summary>
    static abstract V operator +(V a, V b);

    /// <summary>a - b.</summary>
    static abstract V operator -(V a, V b);

    /// <summary>a b.</summary>
    static abstract V operator *(V a, V b);

    /// <summary>a / b.</summary>
    static abstract V operator /(V a, V b);

    /// <summary>-x.</summary>
    static abstract V operator -(V x);

    /// <summary>a b + c, rounded once.</summary>
    static abstract V Fma(V a, V b, V c);

    /// <summary>
    /// a b + c, rounded once if the processor has an FMA instruction, else twice: <see cref="Fma"/> without the cost of emulation.
    /// </summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The sum of the lanes: the upper half is added to the lower half until one value is left.</summary>
    static abstract float Sum(V x);

    /// <summary>The square root, correctly rounded.</summary>
    static abstract V Sqrt(V x);

    /// <summary>a where a &lt; b, else b; so b where either is NaN.</summary>
    static abstract V Min(V a, V b);

    /// <summary>a where a > b, else b; so b where either is NaN.</summary>
    static abstract V Max(V a, V b);

    /// <summary>A mask: where a > b.</summary>
    static abstract V operator >(V a, V b);

    /// <summary>A mask: where a &lt; b.</summary>
    static abstract V operator <(V a, V b);

    /// <summary>A mask: where a = b.</summary>
    static abstract V Same(V a, V b);

    /// <summary>a where the mask holds, else b.</summary>
    static abstract V Select(V mask, V a, V b);

    /// <summary>Whether the mask holds in every lane.</summary>
    static abstract bool All(V mask);

    /// <summary>
    /// The gradient of ReLU: 0 where y is at most 0, else dy. So dy passes where y is NaN, and the result is 0 where y is 0 even if dy is
    /// NaN, as in PyTorch's threshold_backward.
    /// </summary>
    static abstract V Gated(V dy, V y);

    /// <summary>Bitwise and.</summary>
    static abstract V operator &(V a, V b);

    /// <summary>Bitwise or.</summary>
    static abstract V operator |(V a, V b);

    /// <summary>Bitwise exclusive or.</summary>
    static abstract V operator ^(V a, V b);

    /// <summary>The given bit pattern in every lane.</summary>
    static abstract V Bits(uint bits);

    /// <summary>Adds the bit patterns as integers, modulo 2^32.</summary>
    static abstract V AddBits(V a, V b);

    /// <summary>Subtracts the bit patterns as integers, modulo 2^32.</summary>
    static abstract V SubtractBits(V a, V b);

    /// <summary>Shifts the bit pattern left.</summary>
    static abstract V operator <<(V x, int by);

    /// <summary>Shifts the bit pattern right, repeating the sign bit.</summary>
    static abstract V operator >>(V x, int by);

    /// <summary>Converts the bit pattern, as a signed integer, to the nearest float.</summary>
    static abstract V FromSigned(V bits);

    /// <summary>Converts the bit pattern, as an unsigned integer, to the nearest float.</summary>
    static abstract V FromUnsigned(V bits);

    /// <summary>Loads <see cref="Count"/> consecutive elements from <paramref name="from"/>.</summary>
    internal static abstract V Load(float* from);

    /// <summary>Stores the lanes to consecutive elements from <paramref name="to"/> on.</summary>
    internal static abstract void Store(V x, float* to);
}
