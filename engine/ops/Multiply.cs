using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y = a b;  da = dy b,  db = dy a</summary>
public sealed record Multiply : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0] == inputs[1] ? inputs[0] : throw Refuse(inputs, "two equal shapes");

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Multiply(y[0], y[1], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        (Value a, Value b) = (y[0], y[1]);
        if (a.WantsGradient)
            on.MultiplyBackward(dy, b, d.Into(a));
        if (b.WantsGradient)
            on.MultiplyBackward(dy, a, d.Into(b));
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => y[1 - input].WantsGradient;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

public static partial class Operations
{
    extension(Value)
    {
        /// <summary>Records a b, elementwise.</summary>
        public static Value operator *(Value a, Value b) => a.Tape.Record(new Multiply(), a, b);
    }
}
