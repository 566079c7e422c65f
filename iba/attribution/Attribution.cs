namespace Iba.Attribution;

/// <summary>The explanation of one image's classification.</summary>
/// <param name="Heatmap">The evidence per pixel.</param>
/// <param name="Target">The class explained.</param>
/// <param name="Logits">The network's output for the unchanged image, one per class.</param>
public record Attribution(Heatmap Heatmap, int Target, float[] Logits)
{
    /// <summary>
    /// For methods that work on colours, the value of each colour before the three of a pixel were combined, H x W x 3. Otherwise null.
    /// </summary>
    public float[]? Colours { get; init; }

    /// <summary>Figures that check the result, if the method has any and they were requested.</summary>
    public Check? Check { get; init; }

    /// <summary>The class with the largest logit.</summary>
    public int Predicted => Classes.Largest(Logits);

    /// <summary>The network's probability of the target, 0 to 1; see <see cref="Classes.Probabilities"/>.</summary>
    public double Probability => Classes.Probabilities(Logits)[Target];

    /// <summary>What of it is not finite, and what to look at; null where all is finite.</summary>
    private protected virtual string? NonFinite =>
        NonFiniteException.FirstIn(Logits) is { } k ? NonFiniteException.InLogits(Logits, k)
        : NonFiniteException.FirstIn(Heatmap.Values) is { } at
            ? $"the map is {Heatmap.Values[at]} at row {at / Heatmap.Width}, column {at % Heatmap.Width}, no finite number. Look at the weights: iba weights verify FILE"
            : null;

    /// <summary>The same, or an error.</summary>
    /// <param name="sample">The image's place in its list.</param>
    /// <exception cref="NonFiniteException">A number of it is not finite.</exception>
    internal Attribution MustBeFinite(int sample) => NonFinite is { } reason ? throw new NonFiniteException(sample, reason) : this;
}

/// <summary>A heatmap: one value per pixel of the network's input.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">Row-major.</param>
/// <param name="Unit">The unit of the values.</param>
public sealed record Heatmap(int Height, int Width, float[] Values, HeatmapUnit Unit)
{
    /// <summary>The largest value.</summary>
    public float Max => Values.Max();
}

/// <summary>The unit of a heatmap's values.</summary>
public enum HeatmapUnit
{
    /// <summary>Information that the network received at that pixel.</summary>
    BitsPerPixel,

    /// <summary>A pixel's contribution to a logit, or to its change; signed.</summary>
    Logit,

    /// <summary>Change of a logit when the whole patch around the pixel is removed; signed.</summary>
    LogitPerPatch,

    /// <summary>No unit: only the order of the pixels is meaningful.</summary>
    Relative,
}

/// <summary>Names of the units.</summary>
public static class HeatmapUnits
{
    extension(HeatmapUnit unit)
    {
        /// <summary>The label of a colour bar.</summary>
        public string Words => unit switch
        {
            HeatmapUnit.BitsPerPixel => "bits / pixel",
            HeatmapUnit.Logit => "logit",
            HeatmapUnit.LogitPerPatch => "logit / patch",
            _ => "relative",
        };
    }
}
