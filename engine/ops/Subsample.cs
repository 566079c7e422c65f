using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y[p, q] = x[p stride, q stride]: every stride-th pixel. dx = dy at these pixels, 0 elsewhere. A 1x1 convolution with a stride is this, and then one
/// without.
/// </summary>
public sealed record Subsample(int Stride) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0].Rank == 4 && Stride > 0 ? new ConvGeometry(1, Stride).Output(inputs[0], inputs[0].C) : throw Refuse(inputs, "x (N, H, W, C)");

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => inputs[0].Element;

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Subsample(y[0], Stride, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.SubsampleBackward(dy, Stride, d.Into(y[0], honoursGate: true));

    /// <inheritdoc/>
    public override bool AddsToPart => true;

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() => $"Subsample {{ stride {Stride} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records every stride-th pixel of (N, H, W, C).</summary>
        public Value Subsample(int stride) => x.Tape.Record(new Subsample(stride), x);
    }
}
