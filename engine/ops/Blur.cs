using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = x convolved along H and W with the taps of input 1, per channel, the border mirrored about the edge pixel's centre;
/// dx = the adjoint, which differs from a blur at the border. Smoothing of the mask: paper, section 3.2, equation 7.
/// </summary>
public sealed record Blur : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        (Shape x, int taps) = (inputs[0], inputs[1].Count);
        bool fits = x.Rank == 4 && taps % 2 == 1 && x.H > taps / 2 && x.W > taps / 2;
        return fits ? x : throw Refuse(inputs, "x (N, H, W, C) higher and wider than half the odd number of taps");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Blur(y[0], y[1], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.BlurBackward(dy, y[1], d.Into(y[0]));

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => input == 1;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

/// <summary>The weights of a Gaussian blur along one axis.</summary>
public static class GaussianTaps
{
    /// <summary>
    /// 2 round(2 σ) + 1 weights exp(-i² / 2σ²), normalised to sum 1: five for σ = 1. Ties round to even, as in the reference
    /// implementation.
    /// </summary>
    /// <param name="σ">Standard deviation in feature cells, above 0.</param>
    public static float[] Of(double σ)
    {
        if (!(σ > 0))
            throw new ArgumentOutOfRangeException(nameof(σ), σ, "the blur's σ must be above 0; leave the blur out for none.");
        int radius = (int)Math.Round(2 * σ, MidpointRounding.ToEven);
        double[] weights = [.. Enumerable.Range(-radius, 2 * radius + 1).Select(i => Math.Exp(-0.5 * i * i / (σ * σ)))];
        double sum = weights.Sum();
        return [.. weights.Select(weight => (float)(weight / sum))];
    }
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the blur of x with symmetric taps (an odd count; see <see cref="GaussianTaps"/>).</summary>
        public Value Blur(Value taps) => x.Tape.Record(new Blur(), x, taps);
    }
}
