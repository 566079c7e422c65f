using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = the mean over each of Height x Width bins, bin k covering floor(k h / Height) to ceil((k + 1) h / Height);
/// dx = dy spread evenly over its bin. y is float32 whatever x is. (1, 1) is global average pooling; more bins than pixels repeat pixels.
/// </summary>
public sealed record AdaptiveAveragePool(int Height, int Width) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0].Rank == 4 ? new Shape(inputs[0].N, Height, Width, inputs[0].C) : throw Refuse(inputs, "x (N, H, W, C)");

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.AdaptiveAveragePool(y[0], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.AdaptiveAveragePoolBackward(dy, d.Into(y[0], honoursGate: true));

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() => $"AdaptiveAveragePool {{ {Height}x{Width} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the means over height x width bins.</summary>
        public Value AdaptiveAveragePool(int height, int width) => x.Tape.Record(new AdaptiveAveragePool(height, width), x);
    }
}
