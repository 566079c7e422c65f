using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>Two registers: the most that a tile of six rows can use where there are sixteen.</summary>
internal unsafe struct Strip2<V> : IStrip<Strip2<V>> where V : struct, ILanes<V>
{
    private V _0, _1;

    public static int Count => 2 * V.Count;

    public static bool FillsRegisters => false;

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
    public static Strip2<V> Add(Strip2<V> x, float* a) => new() { _0 = x._0 + V.Load(a), _1 = x._1 + V.Load(a + V.Count) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> Rectified(Strip2<V> x) => new() { _0 = V.Gated(x._0, x._0), _1 = V.Gated(x._1, x._1) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip2<V> Gated(Strip2<V> x, float* y) => new() { _0 = V.Gated(x._0, V.Load(y)), _1 = V.Gated(x._1, V.Load(y + V.Count)) };
}
