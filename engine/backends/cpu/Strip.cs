using System.Runtime.CompilerServices;

namespace Engine.Backends.Cpu;

/// <summary>
/// A row of a product's tile: one, two or four registers side by side. The matrix product is written once over
/// <typeparamref name="S"/>; the compiler turns every strip into registers of its own.
/// </summary>
/// <typeparam name="S">The type itself.</typeparam>
internal unsafe interface IStrip<S> where S : struct, IStrip<S>
{
    /// <summary>How many numbers.</summary>
    static abstract int Count { get; }

    /// <summary>The numbers from <paramref name="from"/> on.</summary>
    static abstract S Load(float* from);

    /// <summary>Writes the numbers to <paramref name="to"/> on.</summary>
    static abstract void Store(S x, float* to);

    /// <summary>a + b.</summary>
    static abstract S operator +(S a, S b);

    /// <summary>*a b + c.</summary>
    static abstract S MultiplyAdd(float* a, S b, S c);

    /// <summary><see cref="ILanes{V}.Gated"/>: x, but 0 where y is at most 0.</summary>
    static abstract S Gated(S x, S y);
}

/// <summary>One register.</summary>
internal unsafe struct Strip1<V> : IStrip<Strip1<V>> where V : struct, ILanes<V>
{
    private V _0;

    public static int Count => V.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Load(float* from) => new() { _0 = V.Load(from) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Strip1<V> x, float* to) => V.Store(x._0, to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> operator +(Strip1<V> a, Strip1<V> b) => new() { _0 = a._0 + b._0 };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> MultiplyAdd(float* a, Strip1<V> b, Strip1<V> c) => new() { _0 = V.MultiplyAdd(*a, b._0, c._0) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Gated(Strip1<V> x, Strip1<V> y) => new() { _0 = V.Gated(x._0, y._0) };
}

/// <summary>Two registers: all that a tile of six rows leaves room for where there are sixteen.</summary>
internal unsafe struct Strip2<V> : IStrip<Strip2<V>> where V : struct, ILanes<V>
{
    private V _0, _1;

    public static int Count => 2 * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> Load(float* from) => new() { _0 = V.Load(from), _1 = V.Load(from + V.Count) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Strip2<V> x, float* to)
    {
        V.Store(x._0, to);
        V.Store(x._1, to + V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> operator +(Strip2<V> a, Strip2<V> b) => new() { _0 = a._0 + b._0, _1 = a._1 + b._1 };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> MultiplyAdd(float* a, Strip2<V> b, Strip2<V> c)
    {
        V x = *a;
        return new() { _0 = V.MultiplyAdd(x, b._0, c._0), _1 = V.MultiplyAdd(x, b._1, c._1) };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> Gated(Strip2<V> x, Strip2<V> y) =>
        new() { _0 = V.Gated(x._0, y._0), _1 = V.Gated(x._1, y._1) };
}

/// <summary>Four registers, where there are thirty-two.</summary>
internal unsafe struct Strip4<V> : IStrip<Strip4<V>> where V : struct, ILanes<V>
{
    private V _0, _1, _2, _3;

    public static int Count => 4 * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> Load(float* from) => new()
    {
        _0 = V.Load(from),
        _1 = V.Load(from + V.Count),
        _2 = V.Load(from + 2 * V.Count),
        _3 = V.Load(from + 3 * V.Count),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Strip4<V> x, float* to)
    {
        V.Store(x._0, to);
        V.Store(x._1, to + V.Count);
        V.Store(x._2, to + 2 * V.Count);
        V.Store(x._3, to + 3 * V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> operator +(Strip4<V> a, Strip4<V> b) =>
        new() { _0 = a._0 + b._0, _1 = a._1 + b._1, _2 = a._2 + b._2, _3 = a._3 + b._3 };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> MultiplyAdd(float* a, Strip4<V> b, Strip4<V> c)
    {
        V x = *a;
        return new() { _0 = V.MultiplyAdd(x, b._0, c._0), _1 = V.MultiplyAdd(x, b._1, c._1), _2 = V.MultiplyAdd(x, b._2, c._2), _3 = V.MultiplyAdd(x, b._3, c._3) };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> Gated(Strip4<V> x, Strip4<V> y) => new()
    {
        _0 = V.Gated(x._0, y._0),
        _1 = V.Gated(x._1, y._1),
        _2 = V.Gated(x._2, y._2),
        _3 = V.Gated(x._3, y._3),
    };
}
