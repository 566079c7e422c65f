using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y = a + b;  da = db = dy</summary>
public sealed record Add : Op
{
    /// <inheritdoc/>
    public override int? PassesGradientTo => 1;

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0] == inputs[1] ? inputs[0] : throw Refuse(inputs, "two equal shapes");

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Add(y[0], y[1], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y[0].WantsGradient)
            on.Accumulate(dy, d.Into(y[0]));
        if (y[1].WantsGradient)
            d.Pass(dy, y[1]);
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

public static partial class Operations
{
    extension(Value)
    {
        /// <summary>Records a + b.</summary>
        public static Value operator +(Value a, Value b) => a.Tape.Record(new Add(), a, b);
    }
}
