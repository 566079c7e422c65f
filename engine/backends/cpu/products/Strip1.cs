using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>One register.</summary>
internal unsafe struct Strip1<V> : IStrip<Strip1<V>> where V : struct, ILanes<V>
{
    private V _0;

    public static int Count => V.Count;

    public static bool FillsRegisters => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Load(float* from) => new() { _0 = V.Load(from) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Strip1<V> x, float* to) => V.Store(x._0, to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> operator +(Strip1<V> a, Strip1<V> b) => new() { _0 = a._0 + b._0 };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> MultiplyAdd(float* a, Strip1<V> b, Strip1<V> c) => new() { _0 = V.MultiplyAdd(*a, b._0, c._0) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Add(Strip1<V> x, float* a) => new() { _0 = x._0 + V.Load(a) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Rectified(Strip1<V> x) => new() { _0 = V.Gated(x._0, x._0) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Strip1<V> Gated(Strip1<V> x, float* y) => new() { _0 = V.Gated(x._0, V.Load(y)) };
}
