namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// A row of the register tile: one, two or four adjacent registers. <see cref="ProductKernel{S}"/> is written once over
/// <typeparamref name="S"/>; the JIT compiler keeps every strip in registers.
/// </summary>
/// <typeparam name="S">The type itself.</typeparam>
internal unsafe interface IStrip<S> where S : struct, IStrip<S>
{
    /// <summary>Number of elements.</summary>
    static abstract int Count { get; }

    /// <summary>Loads the elements from <paramref name="from"/> on.</summary>
    static abstract S Load(float* from);

    /// <summary>Stores the elements from <paramref name="to"/> on.</summary>
    static abstract void Store(S x, float* to);

    /// <summary>a + b.</summary>
    static abstract S operator +(S a, S b);

    /// <summary>*a b + c.</summary>
    static abstract S MultiplyAdd(float* a, S b, S c);

    /// <summary><see cref="ILanes{V}.Gated"/>: x, but 0 where y is at most 0.</summary>
    static abstract S Gated(S x, S y);
}
