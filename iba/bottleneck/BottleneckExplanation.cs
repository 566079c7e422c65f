using Iba.Engine.Autograd;

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

    /// <summary>The mask while it was fitted, in the order of the updates; empty unless <see cref="PerSampleBottleneck.KeepsAfter"/> asked for it.</summary>
    public IReadOnlyList<EvolutionStep> Evolution { get; init; } = [];

    /// <summary>Where a check stopped the fit: of such a result, only <see cref="Evolution"/> says something. Otherwise null.</summary>
    internal NonFiniteLine? Stop { get; init; }

    /// <summary>The explanation that a fit with fewer updates gives: both have the same noise, so the shorter is the beginning of the longer.</summary>
    /// <param name="updates">One of the numbers of updates that were kept.</param>
    /// <exception cref="ArgumentException">It was not kept.</exception>
    public BottleneckExplanation After(int updates)
    {
        EvolutionStep at = Evolution.FirstOrDefault(step => step.Updates == updates) ?? throw new ArgumentException(
            $"the mask after {updates} updates was not kept, only after {string.Join(", ", Evolution.Select(step => step.Updates))}.");
        return this with
        {
            Heatmap = at.Capacity.Heatmap(Heatmap.Height, Heatmap.Width),
            TotalBits = at.Capacity.TotalBits,
            ProbabilityRestricted = at.ProbabilityRestricted,
            Losses = [.. Losses.Take(updates)],
            Mask = null,
            Capacity = null,
            Evolution = [],
            Stop = null,
        };
    }

    internal override string Shown => $"{base.Shown}, {TotalBits:0} bits, p {ProbabilityRestricted:0.000} if only they pass";

    private protected override string? NonFinite
    {
        get
        {
            if (Stop is not null)
                return $"{Stop}";
            int step = Losses.TakeWhile(loss => float.IsFinite(loss.Total)).Count();
            if (NonFiniteException.FirstIn(Logits) is null && step < Losses.Count)
                return $"the optimisation diverged: the loss of step {step} is {Losses[step].Total}. Give a smaller learning rate or β";
            return base.NonFinite ?? (double.IsFinite(TotalBits) && double.IsFinite(ProbabilityRestricted) ? null
                : $"{TotalBits} bits pass, with which the probability is {ProbabilityRestricted}. Give a smaller learning rate or β");
        }
    }
}

/// <summary>The loss of one image at one step, in nats.</summary>
/// <param name="Model">The <see cref="LogitLoss"/>, by default the cross-entropy of the target, mean over noise samples.</param>
/// <param name="Information">Mean over the layer's neurons.</param>
/// <param name="Beta">Weight of the information.</param>
public readonly record struct StepLoss(float Model, float Information, float Beta)
{
    /// <summary>The minimised sum.</summary>
    public float Total => Model + Beta * Information;
}
