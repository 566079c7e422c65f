using System.Diagnostics;

namespace Iba;

/// <summary>The explanation of one image's classification.</summary>
/// <param name="Heatmap">The evidence per pixel.</param>
/// <param name="Target">The class explained.</param>
/// <param name="Logits">The network's output for the unchanged image, one per class.</param>
[DebuggerDisplay("{Shown,nq}")]
public record Explanation(Heatmap Heatmap, int Target, float[] Logits)
{
    /// <summary>
    /// For methods that work on colours, the value of each colour before the three of a pixel were combined, H x W x 3. Otherwise null.
    /// </summary>
    public float[]? Colours { get; init; }

    /// <summary>Figures that check the result, if the method has any and they were requested.</summary>
    public Check? Check { get; init; }

    /// <summary>How the map varies with the seed, if it was computed with several; the map is then their mean. Otherwise null.</summary>
    public SeedSpread? Seeds { get; init; }

    /// <summary>The loss that it minimises, or whose negative its map explains.</summary>
    public LogitLoss Loss { get; init; } = LogitLoss.CrossEntropy;

    /// <summary>The class with the largest logit.</summary>
    public int Predicted => Classes.Largest(Logits);

    /// <summary>The network's probability of the target, 0 to 1, or of any of several classes; see <see cref="Classes.Probabilities"/>.</summary>
    public double Probability => Loss.Probability(Classes.Probabilities(Logits), Target);

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal virtual string Shown => $"class {Target}, p {Probability:0.000}: {Heatmap.Shown}";

    /// <summary>What of it is not finite, and what to look at; null where all is finite.</summary>
    private protected virtual string? NonFinite =>
        NonFiniteException.FirstIn(Logits) is { } k ? NonFiniteException.InLogits(Logits, k)
        : NonFiniteException.FirstIn(Heatmap.Values) is { } at
            ? $"the map is {Heatmap.Values[at]} at row {at / Heatmap.Width}, column {at % Heatmap.Width}, no finite number"
            : null;

    /// <summary>The same, or an error.</summary>
    /// <param name="sample">The image's place in its list.</param>
    /// <exception cref="NonFiniteException">A number of it is not finite.</exception>
    internal Explanation MustBeFinite(int sample) => Fault(sample) is { } fault ? throw fault : this;

    /// <summary>The same error; null where all is finite.</summary>
    internal NonFiniteException? Fault(int sample) => NonFinite is { } reason ? new NonFiniteException(sample, reason) { Result = this } : null;
}
