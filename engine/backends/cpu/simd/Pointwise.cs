using System.Runtime.CompilerServices;

namespace Engine.Backends.Cpu.Simd;

/// <summary>Runs an <see cref="IPointwise"/> along a stretch, as wide as the machine can, and number by number at the end.</summary>
internal static class Pointwise
{
    /// <summary>Features <paramref name="from"/> to <paramref name="to"/> - 1 of the row that begins at <paramref name="row"/>.</summary>
    public static void Run<T>(T body, int row, int from, int to) where T : struct, IPointwise =>
        Registers.Run(new Stretch<T>(body, row, from, to));

    /// <returns>Where it stopped: fewer numbers than V has lanes are left.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run<T, V>(T body, int row, int from, int to) where T : struct, IPointwise where V : struct, ILanes<V>
    {
        for (; from <= to - V.Count; from += V.Count)
            body.At<V>(row + from, from);
        return from;
    }

    private readonly struct Stretch<T>(T body, int row, int from, int to) : IVectorCode where T : struct, IPointwise
    {
        public void Run<V>() where V : struct, IWideLanes<V>
        {
            int rest = Pointwise.Run<T, V>(body, row, from, to);
            Pointwise.Run<T, Lanes1>(body, row, rest, to);
        }
    }
}
