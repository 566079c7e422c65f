namespace Engine.Backends;

/// <summary>
/// As many float32 numbers, side by side, as a register of the machine holds. A formula written once over
/// <typeparamref name="V"/> runs at every width, one included, and gives the same bits at each: every operation rounds once.
/// </summary>
/// <typeparam name="V">The type itself.</typeparam>
public unsafe interface ILanes<V> where V : struct, ILanes<V>
{
    /// <summary>How many numbers.</summary>
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

    /// <summary>a b + c, rounded once where the processor can, else twice: <see cref="Fma"/> without the price of imitating it.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The lanes' sum: the upper half is added to the lower one until a single number is left.</summary>
    static abstract float Sum(V x);

    /// <summary>The square root, correctly rounded.</summary>
    static abstract V Sqrt(V x);

    /// <summary>a where a &lt; b, else b; so b where either is not a number.</summary>
    static abstract V Min(V a, V b);

    /// <summary>a where a > b, else b; so b where either is not a number.</summary>
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
    /// The gradient of ReLU: 0 where y is at most 0, else dy. So dy passes where y is NaN, and a dy that is NaN is stopped where y is 0,
    /// as in PyTorch's threshold_backward.
    /// </summary>
    static abstract V Gated(V dy, V y);

    /// <summary>Bits of a and b.</summary>
    static abstract V operator &(V a, V b);

    /// <summary>Bits of a or b.</summary>
    static abstract V operator |(V a, V b);

    /// <summary>Bits of a or b, not of both.</summary>
    static abstract V operator ^(V a, V b);

    /// <summary>Those bits in every lane.</summary>
    static abstract V Bits(uint bits);

    /// <summary>The bits added as whole numbers, modulo 2^32.</summary>
    static abstract V AddBits(V a, V b);

    /// <summary>The bits subtracted as whole numbers, modulo 2^32.</summary>
    static abstract V SubtractBits(V a, V b);

    /// <summary>The bits moved up.</summary>
    static abstract V operator <<(V x, int by);

    /// <summary>The bits moved down, the sign bit repeated.</summary>
    static abstract V operator >>(V x, int by);

    /// <summary>The bits, read as a signed whole number, as the nearest float.</summary>
    static abstract V FromSigned(V bits);

    /// <summary>The bits, read as an unsigned whole number, as the nearest float.</summary>
    static abstract V FromUnsigned(V bits);

    /// <summary>The <see cref="Count"/> numbers from <paramref name="from"/> on.</summary>
    internal static abstract V Load(float* from);

    /// <summary>Writes the numbers to <paramref name="to"/> on.</summary>
    internal static abstract void Store(V x, float* to);
}
