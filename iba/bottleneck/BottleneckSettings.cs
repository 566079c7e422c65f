using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Bottleneck;

/// <summary>The statistics of the noise that replaces features.</summary>
public enum Spread
{
    /// <summary>Mean and standard deviation over all images: the paper's text and the reference package.</summary>
    Standard,

    /// <summary>
    /// Mean 0 and the root mean square over images in which the neuron is active; restricted features are clamped to at least 0: the
    /// paper's own code on ResNet-50.
    /// </summary>
    ReluRms,
}

/// <summary>Which mask the heatmap shows.</summary>
public enum FinalMap
{
    /// <summary>The mask of the last forward pass, before the last update: the reference's PyTorch code.</summary>
    BeforeLastUpdate,

    /// <summary>The mask after the last update.</summary>
    AfterLastUpdate,
}

/// <summary>The per-sample bottleneck's settings, with the paper's defaults (Table 2).</summary>
public sealed record BottleneckSettings
{
    /// <summary>Upper bound of <see cref="Beta"/>.</summary>
    public const float MostBeta = 1e9f;

    /// <summary>Upper bound of <see cref="Sigma"/>, in feature cells.</summary>
    public const double MostSigma = 10;

    /// <summary>
    /// Weight of the mean information in nats relative to the cross-entropy in nats: the paper's β = 10/k for the summed information.
    /// </summary>
    public float Beta { get; init; } = 10f;

    /// <summary>Updates of the mask.</summary>
    public int Steps { get; init; } = 10;

    /// <summary>Noise samples per image and step.</summary>
    public int Copies { get; init; } = 10;

    /// <summary>Adam's learning rate.</summary>
    public float LearningRate { get; init; } = 1f;

    /// <summary>Standard deviation of the mask's smoothing in feature cells; 0 for none.</summary>
    public double Sigma { get; init; } = 1;

    /// <summary>The initial α of every neuron: sigmoid(5) = 0.993 of the signal passes.</summary>
    public float InitialAlpha { get; init; } = 5f;

    /// <summary>Lower bound of σ_R, the features' standard deviation.</summary>
    public float MinimumStd { get; init; } = 0.01f;

    /// <summary>Neurons active in at most this fraction of images are masked out: they carry no information and give 0.</summary>
    public float ActiveThreshold { get; init; } = 0.01f;

    /// <summary>The statistics of the noise that replaces features.</summary>
    public Spread Spread { get; init; } = Spread.Standard;

    /// <summary>Which mask the heatmap shows.</summary>
    public FinalMap FinalMap { get; init; } = FinalMap.BeforeLastUpdate;

    /// <summary>The noise's key.</summary>
    public ulong Seed { get; init; }

    /// <summary>Rejects, before any work, a smoothing wider than the features, and more copies of an image than one tensor can hold.</summary>
    /// <param name="features">(N, H, W, C) the features at the bottleneck's layer.</param>
    /// <exception cref="ArgumentException">There are too many copies, or σ is too large.</exception>
    public void Check(Shape features)
    {
        if (Sigma > 0 && features.Rank == 4 && GaussianTaps.Of(Sigma).Length / 2 is var reach && reach >= Math.Min(features.H, features.W))
        {
            throw new ArgumentException(
                $"sigma is {Sigma}: it smooths over {reach} cells to each side, and the features {features.WithN(1)} have {features.H} x {features.W} cells. "
                + "Give a smaller one, 0 for none, or larger images.");
        }
        int most = int.MaxValue / features.Row;
        if (Copies > most)
        {
            throw new ArgumentException(
                $"copies is {Copies}: the noisy features {features.WithN(1)} of one image would take {(long)Copies * features.Row * sizeof(float) >> 20} MiB, "
                + $"and the most is {most} copies of them. Give fewer; the paper takes 10.");
        }
    }

    /// <summary>Rejects settings out of range.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Setting.Demand(Steps >= 1, "steps", Steps, "at least 1");
        Setting.Demand(Copies >= 1, "copies", Copies, "at least 1");
        // Adam squares the gradient, which is proportional to β. The square must not overflow: (1e9)² is far below 3e38.
        Setting.Demand(Beta is >= 0 and <= MostBeta, "beta", Beta, "0 to 1e9");
        // One step changes α by about the learning rate, and at |α| = 100 the sigmoid is already 0 or 1.
        Setting.Demand(LearningRate is > 0 and <= (float)Setting.MostLearningRate, "learning rate", LearningRate, "above 0, and 1000 at most");
        Setting.Demand(InitialAlpha is >= -100 and <= 100, "initial alpha", InitialAlpha, "between -100 and 100");
        Setting.Demand(ActiveThreshold is >= 0 and <= 1, "active threshold", ActiveThreshold, "a fraction of images, 0 to 1");
        Setting.Demand(Enum.IsDefined(Spread), "spread", Spread, "Standard or ReluRms");
        Setting.Demand(Enum.IsDefined(FinalMap), "final map", FinalMap, "BeforeLastUpdate or AfterLastUpdate");
        Setting.Demand(Sigma >= 0 && Sigma <= MostSigma, "sigma", Sigma, $"between 0 (no smoothing) and {MostSigma} cells");
        // Features are divided by it, and the quotient is squared.
        Setting.Demand(MinimumStd is >= 1e-9f and <= 1e9f, "minimum standard deviation", MinimumStd, "1e-9 to 1e9");
    }
}
