using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y = x resized bilinearly to Height x Width, without antialiasing;  dx = the adjoint: each dy distributed over its four source pixels
/// </summary>
public sealed record Resize(int Height, int Width, Corners Corners) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0].Rank == 4 ? new Shape(inputs[0].N, Height, Width, inputs[0].C) : throw Refuse(inputs, "x (N, H, W, C)");

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Resize(y[0], Corners, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.ResizeBackward(dy, Corners, d.Into(y[0]));

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() => $"Resize {{ {Height}x{Width}, {Corners} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records x resized bilinearly.</summary>
        public Value Resize(int height, int width, Corners corners) => x.Tape.Record(new Resize(height, width, corners), x);
    }
}
