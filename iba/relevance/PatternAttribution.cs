using Iba.Backpropagation;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// PatternAttribution (Kindermans et al. 2018), from the logit to the sum of magnitudes over colours, divided by the maximum; see
/// <see cref="PatternRule"/>. By default it explains the predicted class, as the paper's code does. The paper has no result for ResNet-50.
/// </summary>
public sealed class PatternAttribution : GradientMethod
{
    private readonly PatternRule _rule;

    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="patterns">Its patterns.</param>
    /// <exception cref="PatternsException">The patterns belong to another network.</exception>
    public PatternAttribution(Network network, Shape image, Patterns patterns) : base(network, image)
    {
        _rule = new PatternRule(network, patterns);
        Recipe = new MapRecipe(Colours.SumOfMagnitudes, Scaling.ShareOfLargest);
        Class = ExplainedClass.Predicted;
    }

    /// <inheritdoc/>
    public override string Name => "pattern";

    private protected override float Seed(float logit) => logit;

    private protected override ScoreGradient Record(Shape images) => new(Network, images, _rule, fused: false);

    private protected override void Release()
    {
        base.Release();
        _rule.Dispose();
    }
}
