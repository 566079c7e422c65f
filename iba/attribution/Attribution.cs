namespace Iba.Attribution;

/// <summary>What a network made of one image, and why.</summary>
/// <param name="Heatmap">Where the evidence is.</param>
/// <param name="Target">The class explained.</param>
/// <param name="Logits">The network's output for the unchanged image, one per class.</param>
public record Attribution(Heatmap Heatmap, int Target, float[] Logits)
{
    /// <summary>
    /// What the map was made of where the method works on colours: a number for each colour value, H x W x 3. Otherwise null.
    /// </summary>
    public float[]? Colours { get; init; }

    /// <summary>Numbers to judge it by, where the method has any and was asked for them.</summary>
    public Check? Check { get; init; }

    /// <summary>The class with the largest logit.</summary>
    public int Predicted => Classes.Largest(Logits);

    /// <summary>The network's probability of the target, 0 to 1.</summary>
    public double Probability => Classes.Softmax(Logits)[Target];
}

/// <summary>A heatmap: a number for each pixel of the network's input.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">Row-major.</param>
/// <param name="Unit">What the numbers are.</param>
public sealed record Heatmap(int Height, int Width, float[] Values, HeatmapUnit Unit)
{
    /// <summary>The largest number.</summary>
    public float Max => Values.Max();
}

/// <summary>What the numbers of a heatmap are.</summary>
public enum HeatmapUnit
{
    /// <summary>Information that the network was given at that pixel.</summary>
    BitsPerPixel,

    /// <summary>A pixel's part in a logit, or in its change; signed.</summary>
    Logit,

    /// <summary>Change of a logit when the whole patch around the pixel is taken away; signed.</summary>
    LogitPerPatch,

    /// <summary>No unit: only the order of the pixels means something.</summary>
    Relative,
}

/// <summary>Units in words.</summary>
public static class HeatmapUnits
{
    extension(HeatmapUnit unit)
    {
        /// <summary>What a colour bar says.</summary>
        public string Words => unit switch
        {
            HeatmapUnit.BitsPerPixel => "bits / pixel",
            HeatmapUnit.Logit => "logit",
            HeatmapUnit.LogitPerPatch => "logit / patch",
            _ => "relative",
        };
    }
}
