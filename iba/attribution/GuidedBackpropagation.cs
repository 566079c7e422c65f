using Engine.Autograd;
using Engine.Backends;
using Engine.Networks;
using Engine.Ops;
using Engine.Tensors;

namespace Iba.Attribution;

/// <summary>
/// Guided backpropagation (Springenberg et al. 2014): a ReLU passes back only what is positive, and only where it was on.
/// </summary>
public sealed class GuidedBackpropagation : GradientMethod
{
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    public GuidedBackpropagation(Network network, Shape image) : base(network, image) =>
        Recipe = new MapRecipe(Colours.LargestMagnitude, Scaling.None);

    /// <inheritdoc/>
    public override string Name => "guided-backprop";

    private protected override ScoreGradient Record(Shape images) => new(Network, images, new GuidedRule());
}

/// <summary>
/// dx = max(dy, 0) where y is positive. What a ReLU lets through is decided before and after the gate alike, so fused units take it, too.
/// </summary>
public sealed class GuidedRule : BackwardRule
{
    /// <inheritdoc/>
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y.Op!.EndsInRelu)
            on.Map(new Relu(), dy, dy);
        return false;
    }
}
