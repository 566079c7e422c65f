using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = x in another element type, rounded to nearest, with <paramref name="Channels"/> channels, of which those past x's are 0; dx = dy in x's type,
/// without these channels.
/// </summary>
/// <param name="To">The type of y's elements.</param>
/// <param name="Channels">The channels of y: those of x or more.</param>
public sealed record Convert(Element To, int Channels) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0].Rank > 0 && inputs[0].C <= Channels ? new Shape([.. inputs[0].Dims[..^1], Channels]) : throw Refuse(inputs, $"at most {Channels} channels");

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => To;

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Convert(y[0], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        Accumulator dx = d.Into(y[0]);
        on.Convert(dy, dx.Tensor, dx.Adds);
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() => $"Convert {{ {To}, Channels = {Channels} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>x (..., C) in the element type of its device's activations, with channels of 0 up to 8; x itself if it has that type.</summary>
        public Value Rounded() => x.Element == x.Tape.Backend.Activations
            ? x : x.Tape.Record(new Convert(x.Tape.Backend.Activations, ConvGeometry.Padded(x.Shape.C)), x);

        /// <summary>x in float32; x itself if it is.</summary>
        public Value Widened() => x.Element == Element.Float32 ? x : x.Tape.Record(new Convert(Element.Float32, x.Shape.C), x).Named(x.Name);
    }
}
