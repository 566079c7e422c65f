using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = x * w + b + residual (then ReLU): cross-correlation of (N, H, W, C) with (K, R, S, C), as one fused unit or in parts.
/// With dz = dy where the ReLU's output is positive, else 0: dx = the transposed convolution of dz with w, dw = the correlation of x with
/// dz,
/// db = the sum of dz, dresidual = dz.
/// </summary>
/// <param name="Geometry">Kernel size, stride and padding.</param>
/// <param name="Bias">Whether a bias (K) follows x and w among the inputs.</param>
/// <param name="Residual">Whether a residual of y's shape is the last input.</param>
/// <param name="Relu">Whether the unit ends in a ReLU.</param>
public sealed record Convolution(ConvGeometry Geometry, bool Bias, bool Residual, bool Relu) : Op
{
    /// <summary>Whether x has more channels than w, which are 0: see <see cref="Convert"/>.</summary>
    public bool Padded { get; init; }

    private int ResidualInput => Bias ? 3 : 2;

    /// <inheritdoc/>
    public override bool EndsInRelu => Relu;

    /// <inheritdoc/>
    public override int? PassesGradientTo => Residual ? ResidualInput : null;

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        (Shape x, Shape w) = (inputs[0], inputs[1]);
        bool fits = x.Rank == 4 && w.Rank == 4 && w.H == Geometry.Kernel && w.W == Geometry.Kernel && x.C == (Padded ? ConvGeometry.Padded(w.C) : w.C)
            && Geometry.Output(x.H) > 0 && Geometry.Output(x.W) > 0 && (!Bias || inputs[2].Count == w.N);
        if (!fits)
            throw Refuse(inputs, "x (N, H, W, C) at least as large as its kernel, w (K, R, S, C) and a bias (K)");
        Shape y = Geometry.Output(x, w.N);
        return !Residual || inputs[ResidualInput] == y ? y : throw Refuse(inputs, $"a residual {y}");
    }

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => inputs[0].Element;

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) =>
        on.Convolution(y[0], y[1], Bias ? y[2].Data : null, Residual ? y[ResidualInput].Data : null, Relu, Geometry, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y[0].WantsGradient)
            on.ConvolutionBackwardData(dy, y[1], Geometry, d.Into(y[0], honoursGate: true));
        if (y[1].WantsGradient)
            on.ConvolutionBackwardWeights(y[0], dy, Geometry, d.Into(y[1]));
        if (Bias && y[2].WantsGradient)
            on.BiasBackward(dy, d.Into(y[2]));
        if (Residual && y[ResidualInput].WantsGradient)
            d.Pass(dy, y[ResidualInput]);
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => input switch
    {
        0 => y[1].WantsGradient,
        1 => y[0].WantsGradient,
        _ => false,
    };

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() =>
        $"Convolution {{ {Geometry.Kernel}x{Geometry.Kernel}, stride {Geometry.Stride}, padding {Geometry.Padding} }}"
        + (Bias ? " + bias" : "") + (Residual ? " + residual" : "") + (Relu ? " + relu" : "");
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>
        /// Records x * w + bias + residual, then ReLU if <paramref name="relu"/>: (N, H, W, C) and w (K, R, S, C) to (N, P, Q, K).
        /// </summary>
        public Value Convolution(Value w, ConvGeometry geometry, Value? bias = null, Value? residual = null, bool relu = false)
        {
            Value?[] inputs = [x, w, bias, residual];
            var op = new Convolution(geometry, bias is not null, residual is not null, relu)
            {
                Padded = x.Element != Element.Float32 && w.Shape.C < x.Shape.C,
            };
            return x.Tape.Record(op, [.. inputs.OfType<Value>()]);
        }
    }
}
