namespace Iba.Bottleneck;

/// <summary>How wide the second of the readout's three convolutions is, for C channels at the bottleneck.</summary>
public enum ReadoutWidth
{
    /// <summary>C / 4: the paper's appendix and the released readout of VGG-16.</summary>
    A,

    /// <summary>2 C: the reference package and the released readout of ResNet-50.</summary>
    B,
}

/// <summary>What a readout and its training depend on, with the paper's defaults (Table 3).</summary>
public sealed record ReadoutSettings
{
    /// <summary>The most that <see cref="Batch"/> may be.</summary>
    public const int MostBatch = 4096;

    /// <summary>How wide the second convolution is.</summary>
    public ReadoutWidth Width { get; init; } = ReadoutWidth.B;

    /// <summary>Weight of the mean information in nats against the cross-entropy in nats. The paper's β = 10/k for the summed information.</summary>
    public float Beta { get; init; } = 10f;

    /// <summary>Adam's learning rate.</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Images to a step of training.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Standard deviation of the mask's smoothing in feature cells; 0 for none.</summary>
    public double Sigma { get; init; } = 1;

    /// <summary>α is held between minus this and this.</summary>
    public float AlphaBound { get; init; } = 5f;

    /// <summary>Spreads below this are taken for this, at every layer: a neuron that never varies then divides by no 0.</summary>
    public float MinimumStd { get; init; } = 0.01f;

    /// <summary>Neurons that were on in no larger share of the images carry no information and give 0.</summary>
    public float ActiveThreshold { get; init; } = 0.01f;

    /// <summary>Whether the restricted features are held at 0 from below: the reference package does, the paper's own code does not.</summary>
    public bool Clamp { get; init; }

    /// <summary>The key of the initial parameters, of the order of the images and of all noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>What the bottleneck itself needs to know of them: one noise sample per image.</summary>
    public BottleneckSettings Bottleneck => new()
    {
        Copies = 1,
        Beta = Beta,
        Sigma = Sigma,
        MinimumStd = MinimumStd,
        ActiveThreshold = ActiveThreshold,
        Seed = Seed,
    };

    /// <summary>Refuses settings that mean nothing.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public void Check()
    {
        Bottleneck.Check();
        if (!(LearningRate > 0 && double.IsFinite(LearningRate)))
            throw new ArgumentException($"learning rate is {LearningRate}; it must be above 0.");
        if (Batch is < 1 or > MostBatch)
            throw new ArgumentException($"batch is {Batch}; it must be 1 to {MostBatch} images.");
        if (!(AlphaBound > 0 && float.IsFinite(AlphaBound)))
            throw new ArgumentException($"the bound of α is {AlphaBound}; it must be above 0.");
        if (!Enum.IsDefined(Width))
            throw new ArgumentException($"width is {Width}; it must be A or B.");
    }
}
