using Iba.Backpropagation;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// Layer-wise relevance propagation (Bach et al. 2015) with one rule on every layer, starting from the logit, summed over colours with
/// signs; see <see cref="LrpRule"/>. The paper has no LRP result for ResNet-50; the rule for residual sums is this project's.
/// </summary>
public sealed class Lrp : GradientMethod
{
    private readonly LrpRule _rule;
    private RelevanceLedger? _ledger;

    private Lrp(Network network, Shape image, string name, LrpRule rule, HeatmapUnit unit, bool checks, long memory) : base(network, image)
    {
        (Name, _rule, Unit, Checks, MemoryBudget) = (name, rule, unit, checks, memory);
        Recipe = new MapRecipe(Colours.Sum, Scaling.None);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    private protected override HeatmapUnit Unit { get; }

    /// <summary>
    /// α = 1, β = 0, ε = 0: positive contributions only. Relevance is conserved, except where a neuron is active through its bias alone.
    /// </summary>
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="checks">Whether results include the relevance that each layer conserves.</param>
    /// <param name="memoryBudget">Upper bound of a chunk's memory in bytes.</param>
    public static Lrp Positive(Network network, Shape image, bool checks = false, long memoryBudget = DefaultMemoryBudget) =>
        new(network, image, "lrp-alpha1-beta0", new LrpRule(1, 0, 0), HeatmapUnit.Logit, checks, memoryBudget);

    /// <summary>
    /// The paper's α = 0, β = -1, ε = 5: negative contributions only, with weight +1. Relevance is not conserved: ε is larger than most
    /// sums, so the map's values are tiny and only their order is meaningful.
    /// </summary>
    /// <inheritdoc cref="Positive"/>
    public static Lrp Negative(Network network, Shape image, bool checks = false, long memoryBudget = DefaultMemoryBudget) =>
        new(network, image, "lrp-alpha0-beta1", new LrpRule(0, -1, 5), HeatmapUnit.Relative, checks, memoryBudget);

    private protected override float Seed(float logit) => logit;

    private protected override ScoreGradient Record(Shape images)
    {
        if (!Checks)
            return new ScoreGradient(Network, images, _rule, fused: false);
        _ledger?.Dispose();
        string[] layers = [.. Network.Layers.Where(layer => layer is not DropoutLayer).Select(layer => layer.Name)];
        _ledger = new RelevanceLedger(_rule, Backend, layers, images.N);
        return new ScoreGradient(Network, images, _ledger, fused: false);
    }

    private protected override Check?[] Check(ScoreGradient pass, Sample[] samples, int[] classes, float[][] gradients) =>
        _ledger!.Read(pass.InputGradient!)[..samples.Length];

    private protected override void Release()
    {
        base.Release();
        _ledger?.Dispose();
        _rule.Dispose();
    }
}
