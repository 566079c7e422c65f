using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>Four registers, where there are 32.</summary>
internal unsafe struct Strip4<V> : IStrip<Strip4<V>> where V : struct, ILanes<V>
{
    private V _0, _1, _2, _3;

    public static int Count => 4 * V.Count;

    public static bool FillsRegisters => true;

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
        return new()
        {
            _0 = V.MultiplyAdd(x, b._0, c._0),
            _1 = V.MultiplyAdd(x, b._1, c._1),
            _2 = V.MultiplyAdd(x, b._2, c._2),
            _3 = V.MultiplyAdd(x, b._3, c._3),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> Add(Strip4<V> x, float* a) => new()
    {
        _0 = x._0 + V.Load(a),
        _1 = x._1 + V.Load(a + V.Count),
        _2 = x._2 + V.Load(a + 2 * V.Count),
        _3 = x._3 + V.Load(a + 3 * V.Count),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> Rectified(Strip4<V> x) => new()
    {
        _0 = V.Gated(x._0, x._0),
        _1 = V.Gated(x._1, x._1),
        _2 = V.Gated(x._2, x._2),
        _3 = V.Gated(x._3, x._3),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip4<V> Gated(Strip4<V> x, float* y) => new()
    {
        _0 = V.Gated(x._0, V.Load(y)),
        _1 = V.Gated(x._1, V.Load(y + V.Count)),
        _2 = V.Gated(x._2, V.Load(y + 2 * V.Count)),
        _3 = V.Gated(x._3, V.Load(y + 3 * V.Count)),
    };
}
