namespace Iba;

/// <summary>How an explanation varies with the seed of its noise.</summary>
/// <param name="Count">The number of seeds, at least 2.</param>
/// <param name="Deviation">Standard deviation of each pixel over the seeds (divisor Count - 1), H x W, in the unit of the map.</param>
public sealed record SeedSpread(int Count, float[] Deviation)
{
    /// <summary>Standard deviation of the total bits over the seeds, for the bottlenecks. Otherwise null.</summary>
    public double? TotalBitsDeviation { get; init; }
}
