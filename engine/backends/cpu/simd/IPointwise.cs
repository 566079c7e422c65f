namespace Engine.Backends.Cpu.Simd;

/// <summary>A computation in which every number of the result depends on numbers at its own place alone.</summary>
internal interface IPointwise
{
    /// <summary>Computes the numbers from <paramref name="i"/> on, as many as V has lanes.</summary>
    /// <param name="i">The place in the batch.</param>
    /// <param name="feature">The place within its row, for what all rows share.</param>
    void At<V>(int i, int feature) where V : struct, ILanes<V>;
}
