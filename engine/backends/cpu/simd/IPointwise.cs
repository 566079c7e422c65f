namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>A computation in which each element of the result depends only on elements at the same position.</summary>
internal interface IPointwise
{
    /// <summary>Computes as many elements as V has lanes, from <paramref name="i"/> on.</summary>
    /// <param name="i">Position in the batch.</param>
    /// <param name="feature">Position in the row, for operands that all rows share.</param>
    void At<V>(int i, int feature) where V : struct, ILanes<V>;
}
