using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// Guided backpropagation (Springenberg et al. 2014): a ReLU passes only positive gradients back, and only where it was active.
/// </summary>
public sealed class GuidedBackpropagation : GradientMethod
{
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    public GuidedBackpropagation(Network network, Shape image) : base(network, image) =>
        Recipe = new MapRecipe(Colours.LargestMagnitude, Scaling.None);

    /// <inheritdoc/>
    public override string Name => "guided-backprop";

    /// <inheritdoc cref="InputGradient.Loss"/>
    public LogitLoss Loss { get => Minimised; init => Minimised = value; }

    private protected override ScoreGradient Record(Shape images) => new(Network, images, new GuidedRule());
}

/// <summary>
/// dx = max(dy, 0) where y is positive. The result is the same whether the ReLU's gate was applied before or not, so fused units are
/// supported.
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
