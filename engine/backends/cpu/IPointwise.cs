using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>A computation in which every number of the result depends on numbers at its own place alone.</summary>
internal interface IPointwise
{
    /// <summary>Computes the numbers from <paramref name="i"/> on, as many as V has lanes.</summary>
    /// <param name="i">The place in the batch.</param>
    /// <param name="feature">The place within its row, for what all rows share.</param>
    void At<V>(int i, int feature) where V : struct, ILanes<V>;
}

/// <summary>Runs an <see cref="IPointwise"/> along a stretch, as wide as the machine can, and number by number at the end.</summary>
internal static class Pointwise
{
    /// <summary>Features <paramref name="from"/> to <paramref name="to"/> - 1 of the row that begins at <paramref name="row"/>.</summary>
    public static void Run<T>(T body, int row, int from, int to) where T : struct, IPointwise
    {
        from = Avx512F.IsSupported ? Run<T, Lanes512>(body, row, from, to)
            : Avx2.IsSupported ? Run<T, Lanes256>(body, row, from, to)
            : Run<T, Lanes128>(body, row, from, to);
        Run<T, Lanes1>(body, row, from, to);
    }

    /// <returns>Where it stopped: fewer numbers than V has lanes are left.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Run<T, V>(T body, int row, int from, int to) where T : struct, IPointwise where V : struct, ILanes<V>
    {
        for (; from <= to - V.Count; from += V.Count)
            body.At<V>(row + from, from);
        return from;
    }
}

/// <summary>Where the term of a gradient goes: written, or added to what is there.</summary>
internal readonly unsafe struct Sink(float* to, bool adds)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<V>(int i, V term) where V : struct, ILanes<V> => V.Store(adds ? V.Load(to + i) + term : term, to + i);
}

/// <summary>Rows of equal length in tiles that stay inside a row.</summary>
internal readonly struct PointwiseTiles<T>(int row, T body) : ITiles where T : struct, IPointwise
{
    /// <summary>Numbers per tile: enough work to be worth handing out, few enough that its streams stay in the cache.</summary>
    private const int Length = 8192;

    private readonly int _perRow = (row + Length - 1) / Length;

    public int Count(int rows) => rows * _perRow;

    public void Run(int tile, int worker)
    {
        int from = tile % _perRow * Length;
        Pointwise.Run(body, tile / _perRow * row, from, Math.Min(from + Length, row));
    }
}
