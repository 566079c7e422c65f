using System.Globalization;
using Iba.Engine.Backends;

namespace Iba.Bottleneck;

/// <summary>
/// The width of the second of the readout's three convolutions, for C channels at the bottleneck. The paper's Table 3 and section 3.3 give
/// no widths; both variants come from released code. The default is B: the reference package trains it and the first released weights of
/// ResNet-50 have it, so its results can be compared. The authors' code calls B an error, which is why A can be chosen.
/// </summary>
public enum ReadoutWidth
{
    /// <summary>
    /// C / 4: the class "ReadoutBottleneckA" of the paper's released code, whose last state uses it for both networks, and the released
    /// readout of VGG-16.
    /// </summary>
    A,

    /// <summary>2 C: the reference package's readout, and the first released weights of ResNet-50.</summary>
    B,
}

/// <summary>
/// The settings of a readout and its training. Defaults are the paper's (Table 3), except <see cref="Width"/>, which it does not give.
/// </summary>
public sealed record ReadoutSettings
{
    /// <summary>Upper bound of <see cref="Batch"/>.</summary>
    public const int MostBatch = 4096;

    /// <summary>The width of the second convolution.</summary>
    public ReadoutWidth Width { get; init; } = ReadoutWidth.B;

    /// <summary>
    /// Weight of the mean information in nats relative to the cross-entropy in nats: the paper's β = 10/k for the summed information.
    /// </summary>
    public float Beta { get; init; } = 10f;

    /// <summary>Adam's learning rate.</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Images per training step.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Standard deviation of the mask's smoothing in feature cells; 0 for none.</summary>
    public double Sigma { get; init; } = 1;

    /// <summary>α is clamped to between minus this and this.</summary>
    public float AlphaBound { get; init; } = 5f;

    /// <summary>Lower bound of the standard deviation, at every layer: it avoids a division by 0 for neurons that never vary.</summary>
    public float MinimumStd { get; init; } = 0.01f;

    /// <summary>Neurons active in at most this fraction of images are masked out: they carry no information and give 0.</summary>
    public float ActiveThreshold { get; init; } = 0.01f;

    /// <summary>Whether restricted features are clamped to at least 0: the reference package does, the paper's own code does not.</summary>
    public bool Clamp { get; init; }

    /// <summary>The key of the initial parameters, of the order of the images and of all noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>The settings of the bottleneck itself: one noise sample per image.</summary>
    public BottleneckSettings Bottleneck => new()
    {
        Copies = 1,
        Beta = Beta,
        Sigma = Sigma,
        MinimumStd = MinimumStd,
        ActiveThreshold = ActiveThreshold,
        Seed = Seed,
    };

    /// <summary>Rejects settings out of range.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Bottleneck.Check();
        Setting.Demand(LearningRate is > 0 and <= Setting.MostLearningRate, "learning rate", LearningRate, "above 0, and 1000 at most");
        Setting.Demand(Batch is >= 1 and <= MostBatch, "batch", Batch, $"1 to {MostBatch} images");
        Setting.Demand(AlphaBound > 0 && float.IsFinite(AlphaBound), "the bound of α", AlphaBound, "above 0");
        Setting.Demand(Enum.IsDefined(Width), "width", Width, "A or B");
    }

    /// <summary>Each setting's name and value, as a readout's file has them.</summary>
    internal IReadOnlyDictionary<string, string> Facts => new Dictionary<string, string>
    {
        ["width"] = $"{Width}",
        ["beta"] = Text(Beta),
        ["learning_rate"] = Text(LearningRate),
        ["batch"] = Text(Batch),
        ["sigma"] = Text(Sigma),
        ["alpha_bound"] = Text(AlphaBound),
        ["minimum_std"] = Text(MinimumStd),
        ["active_threshold"] = Text(ActiveThreshold),
        ["clamp"] = Clamp ? "true" : "false",
        ["seed"] = Text(Seed),
    };

    /// <summary>The settings that differ from others, in words: <c>beta 10 and not 20; seed 0 and not 1</c>.</summary>
    public string DifferencesFrom(ReadoutSettings others) => string.Join("; ", Facts.Zip(others.Facts)
        .Where(pair => pair.First.Value != pair.Second.Value).Select(pair => $"{pair.First.Key} {pair.First.Value} and not {pair.Second.Value}"));

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
