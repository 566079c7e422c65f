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

    /// <summary>Whether six rows fill the registers, so that work on the sums besides the loop would make the compiler spill them in it.</summary>
    static abstract bool FillsRegisters { get; }

    /// <summary>Loads the elements from <paramref name="from"/> on.</summary>
    static abstract S Load(float* from);

    /// <summary>Stores the elements from <paramref name="to"/> on.</summary>
    static abstract void Store(S x, float* to);

    /// <summary>a + b.</summary>
    static abstract S operator +(S a, S b);

    /// <summary>*a b + c.</summary>
    static abstract S MultiplyAdd(float* a, S b, S c);

    /// <summary>The strip plus the elements from <paramref name="a"/> on.</summary>
    static abstract S Add(S x, float* a);

    /// <summary>The strip, but 0 where an element is at most 0.</summary>
    static abstract S Rectified(S x);

    /// <summary><see cref="ILanes{V}.Gated"/>: the strip, but 0 where the element from <paramref name="y"/> on is at most 0.</summary>
    static abstract S Gated(S x, float* y);
}
