using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// z = λ x + (1 - λ) (mean + std ε): the features mixed with noise, for several copies of each image (paper, equation 2);
/// dλ = the sum over copies of dz (x - mean - std ε), the noise generated a second time. Inactive neurons give 0. The features x are
/// constant:
/// they get no gradient.
/// </summary>
/// <param name="Copies">Noise samples per image.</param>
/// <param name="Seed">The key of the noise.</param>
/// <param name="Clamp">Whether z is clamped to at least 0, for features that are outputs of a ReLU.</param>
/// <param name="Recorded">Whether the last input is noise (I x Copies, H, W, C) to use instead of the generator's.</param>
public sealed record Restrict(int Copies, ulong Seed, bool Clamp, bool Recorded) : Op
{
    /// <summary>The type of z's elements.</summary>
    public Element Element { get; init; }

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => Element;

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        Shape x = inputs[0];
        Shape z = x.WithN((long)x.N * Copies);
        bool fits = x.Rank == 4 && inputs[1] == x && inputs.Skip(2).Take(3).All(s => s == x.WithN(1))
            && inputs[5].Count == x.N && inputs[6].Count == 1 && (!Recorded || inputs[7] == z);
        return fits
            ? z
            : throw Refuse(inputs, "x and λ (I, H, W, C), mean, std and active (1, H, W, C), images (I), step (1) and perhaps noise for every copy");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Restrict(y[0], y[1], y[2], y[3], y[4], Noise(y), Clamp, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y[0].WantsGradient)
            throw new NotSupportedException($"{this}: the features take no gradient; put them on the tape as a constant.");
        on.RestrictBackward(y[0], y[2], y[3], y[4], Noise(y), Clamp, y, dy, d.Into(y[1]));
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => input != 1;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => Clamp;

    /// <inheritdoc/>
    protected override string Describe() =>
        $"Restrict {{ Copies = {Copies}, Seed = {Seed} }}" + (Clamp ? " + clamp" : "")
        + (Element == Element.Float32 ? "" : $" + {Element}") + (Recorded ? " + recorded noise" : "");

    private Noise Noise(Value y) => new(Seed, y[5], y[6], Recorded ? y[7].Data : null);
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the restricted features: (I, H, W, C) to (I x copies, H, W, C), the copies of an image adjacent.</summary>
        /// <param name="λ">(I, H, W, C) the fraction of each neuron's signal that passes, 0 to 1.</param>
        /// <param name="statistics">Mean, std and activity (1 or 0) of each neuron, (1, H, W, C) each.</param>
        /// <param name="images">(I) the image index of each image in the noise's counter.</param>
        /// <param name="step">(1) the step in the noise's counter.</param>
        /// <param name="op">Copies, seed and clamp.</param>
        /// <param name="noise">Recorded noise to use instead, or null.</param>
        public Value Restrict(Value λ, (Value Mean, Value Std, Value Active) statistics, Value images, Value step, Restrict op, Value? noise = null)
        {
            Value[] inputs = [x, λ, statistics.Mean, statistics.Std, statistics.Active, images, step];
            return noise is null ? x.Tape.Record(op with { Recorded = false }, inputs) : x.Tape.Record(op with { Recorded = true }, [.. inputs, noise]);
        }
    }
}
