namespace Iba.Bottleneck;

/// <summary>An attribution in bits.</summary>
/// <param name="Heatmap">Bits per pixel.</param>
/// <param name="Target">The class explained.</param>
/// <param name="Logits">The network's output for the unchanged image.</param>
/// <param name="TotalBits">
/// The information that passes the whole layer in bits: this image's term of L_I (paper, equations 4 and 5). In expectation over images,
/// L_I is an upper bound of the mutual information I[R, Z]. For one image the value is not a bound.
/// </param>
/// <param name="ProbabilityRestricted">The network's probability of the target for the restricted features, mean over the noise
/// samples.</param>
/// <param name="Losses">One per step, before its update; empty if nothing was fitted.</param>
public sealed record BottleneckExplanation(
    Heatmap Heatmap, int Target, float[] Logits, double TotalBits, double ProbabilityRestricted, IReadOnlyList<StepLoss> Losses)
    : Explanation(Heatmap, Target, Logits)
{
    /// <summary>
    /// λ, the fraction of its signal that passes each neuron: H x W x C elements of the bottleneck's layer. Null unless
    /// <see cref="IBottleneck.KeepsMask"/> asked for it: for ResNet-50 at 224 x 224 it takes 1.6 MB.
    /// </summary>
    public float[]? Mask { get; init; }

    /// <summary>
    /// The information that passes each neuron in nats: H x W x C elements of the bottleneck's layer, 0 for inactive neurons. Null unless
    /// <see cref="IBottleneck.KeepsMask"/> asked for it.
    /// </summary>
    public float[]? Capacity { get; init; }

    private protected override string? NonFinite
    {
        get
        {
            int step = Losses.TakeWhile(loss => float.IsFinite(loss.Total)).Count();
            if (NonFiniteException.FirstIn(Logits) is null && step < Losses.Count)
                return $"the optimisation diverged: the loss of step {step} is {Losses[step].Total}. Give a smaller learning rate or β";
            return base.NonFinite ?? (double.IsFinite(TotalBits) && double.IsFinite(ProbabilityRestricted) ? null
                : $"{TotalBits} bits pass, with which the probability is {ProbabilityRestricted}. Give a smaller learning rate or β");
        }
    }
}

/// <summary>The loss of one image at one step, in nats.</summary>
/// <param name="Model">Cross-entropy of the target, mean over noise samples.</param>
/// <param name="Information">Mean over the layer's neurons.</param>
/// <param name="Beta">Weight of the information.</param>
public readonly record struct StepLoss(float Model, float Information, float Beta)
{
    /// <summary>The minimised sum.</summary>
    public float Total => Model + Beta * Information;
}
