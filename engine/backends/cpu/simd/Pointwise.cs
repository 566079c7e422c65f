using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Runs an <see cref="IPointwise"/> over a range: with the widest registers first, then element by element.</summary>
internal static class Pointwise
{
    /// <summary>
    /// Computes features <paramref name="from"/> to <paramref name="to"/> - 1 of the row that starts at element <paramref name="row"/>.
    /// </summary>
    public static void Run<T>(T body, int row, int from, int to) where T : struct, IPointwise =>
        Registers.Run(new FeatureRange<T>(body, row, from, to));

    /// <returns>The first feature that is not computed: fewer are left than V has lanes.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run<T, V>(T body, int row, int from, int to) where T : struct, IPointwise where V : struct, ILanes<V>
    {
        for (; from <= to - V.Count; from += V.Count)
            body.At<V>(row + from, from);
        return from;
    }

    private readonly struct FeatureRange<T>(T body, int row, int from, int to) : IVectorCode where T : struct, IPointwise
    {
        public void Run<V>() where V : struct, IWideLanes<V>
        {
            int rest = Pointwise.Run<T, V>(body, row, from, to);
            Pointwise.Run<T, Lanes1>(body, row, rest, to);
        }
    }
}
