namespace Iba.Backpropagation;

/// <summary>How the three colour values of a pixel are combined.</summary>
public enum Colours
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The largest of their magnitudes.</summary>
    LargestMagnitude,

    /// <summary>The sum of their magnitudes.</summary>
    SumOfMagnitudes,
}

/// <summary>The final scaling of a map.</summary>
public enum Scaling
{
    /// <summary>No scaling.</summary>
    None,

    /// <summary>Values are clipped to the 0.5 and 99.5 percentiles, then divided by the sum of their magnitudes.</summary>
    ClippedShares,

    /// <summary>
    /// The same divided by the signed sum, as in the code behind the paper's table. If that sum is negative, it reverses every sign and the
    /// order of the pixels.
    /// </summary>
    ClippedSignedShares,

    /// <summary>All values are divided by the largest.</summary>
    ShareOfLargest,
}

/// <summary>How colour values become pixel values.</summary>
/// <param name="Colours">How three colour values are combined.</param>
/// <param name="Scaling">The final scaling.</param>
public sealed record MapRecipe(Colours Colours, Scaling Scaling)
{
    /// <summary>Averaged gradients as in the paper's published evaluation code.</summary>
    public static MapRecipe Released { get; } = new(Colours.Mean, Scaling.None);

    /// <summary>A plain gradient as in the code behind the paper's table.</summary>
    public static MapRecipe PublishedGradient { get; } = new(Colours.Mean, Scaling.ClippedSignedShares);

    /// <summary>Averaged gradients as in a later state of that code, which produced the paper's table.</summary>
    public static MapRecipe Revised { get; } = new(Colours.LargestMagnitude, Scaling.ClippedShares);

    private const double LowerShare = 0.005, UpperShare = 0.995;

    /// <summary>The map of H x W x 3 values.</summary>
    public Heatmap Apply(ReadOnlySpan<float> values, int height, int width, HeatmapUnit unit = HeatmapUnit.Relative)
    {
        var map = new float[height * width];
        for (int i = 0; i < map.Length; i++)
            map[i] = Reduce(values[3 * i], values[3 * i + 1], values[3 * i + 2]);
        if (Scaling is Scaling.ClippedShares or Scaling.ClippedSignedShares)
        {
            float[] sorted = [.. map.Order()];
            float low = (float)Quantile.Of(sorted, LowerShare), high = (float)Quantile.Of(sorted, UpperShare);
            for (int i = 0; i < map.Length; i++)
                map[i] = Math.Clamp(map[i], low, high);
            bool signed = Scaling == Scaling.ClippedSignedShares;
            Divide(map, map.Sum(x => signed ? x : Math.Abs((double)x)));
        }
        else if (Scaling == Scaling.ShareOfLargest)
        {
            Divide(map, map.Max());
        }
        return new Heatmap(height, width, map, unit);
    }

    private float Reduce(float r, float g, float b) => Colours switch
    {
        Colours.Mean => (r + g + b) / 3,
        Colours.Sum => r + g + b,
        Colours.LargestMagnitude => Math.Max(Math.Abs(r), Math.Max(Math.Abs(g), Math.Abs(b))),
        _ => Math.Abs(r) + Math.Abs(g) + Math.Abs(b),
    };

    /// <summary>Divides all values; a map that is 0 everywhere stays so.</summary>
    private static void Divide(float[] map, double by)
    {
        for (int i = 0; i < map.Length && by != 0; i++)
            map[i] = (float)(map[i] / by);
    }
}
