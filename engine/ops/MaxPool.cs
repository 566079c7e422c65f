using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y = the maximum of each window, NaN if it contains one;  dx = dy at the first maximum or the last NaN, 0 elsewhere</summary>
public sealed record MaxPool(ConvGeometry Geometry) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        Shape x = inputs[0];
        bool fits = x.Rank == 4 && Geometry.Output(x.H) > 0 && Geometry.Output(x.W) > 0 && 2 * Geometry.Padding <= Geometry.Kernel;
        return fits ? Geometry.Output(x, x.C) : throw Refuse(inputs, "x (N, H, W, C) at least as large as its window");
    }

    /// <inheritdoc/>
    public override Element InferElement(IReadOnlyList<Value> inputs) => inputs[0].Element;

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.MaxPool(y[0], Geometry, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.MaxPoolBackward(y[0], y, dy, Geometry, d.Into(y[0]));

    /// <inheritdoc/>
    protected override string Describe() => $"MaxPool {{ {Geometry.Kernel}x{Geometry.Kernel}, stride {Geometry.Stride}, padding {Geometry.Padding} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the maximum of each window.</summary>
        public Value MaxPool(ConvGeometry geometry) => x.Tape.Record(new MaxPool(geometry), x);
    }
}
