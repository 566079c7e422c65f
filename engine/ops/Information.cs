using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = KL[P(Z|R) || Q(Z)] of each neuron in nats (paper, equation 5). Z given R is normal with mean λ r and variance (1 - λ)², in units of
/// the
/// feature's standard deviation, and Q is the standard normal, so y = ((λ r)² + (1 - λ)² - ln (1 - λ)² - 1) / 2;
/// dλ = dy (λ r² - (1 - λ) + 1 / (1 - λ)). Inactive neurons give 0. Scaling x, mean and std together changes neither r nor y.
/// </summary>
public sealed record Information : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        Shape r = inputs[0];
        return r.Rank == 4 && inputs[1] == r && inputs[2] == r.WithN(1) ? r : throw Refuse(inputs, "r and λ (I, H, W, C) and active (1, H, W, C)");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Information(y[0], y[1], y[2], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y[0].WantsGradient)
            throw new NotSupportedException($"{this}: the features take no gradient; put them on the tape as a constant.");
        on.InformationBackward(y[0], y[1], y[2], dy, d.Into(y[1]));
    }

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

public static partial class Operations
{
    extension(Value r)
    {
        /// <summary>Records the information that passes each neuron, in nats.</summary>
        /// <param name="λ">(I, H, W, C) the fraction of each neuron's signal that passes, 0 to 1.</param>
        /// <param name="active">(1, H, W, C) 1 for neurons that carry information, 0 for those that are almost always 0.</param>
        public Value Information(Value λ, Value active) => r.Tape.Record(new Information(), r, λ, active);
    }
}
