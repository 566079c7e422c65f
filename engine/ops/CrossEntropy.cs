using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y[n] = -ln softmax(logits[n])[target[n]] in nats;  dlogits[n] = dy[n] (softmax(logits[n]) - onehot(target[n]))</summary>
public sealed record CrossEntropy : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) =>
        inputs[0].Rank == 2 && inputs[1].Count == inputs[0].N ? new Shape(inputs[0].N) : throw Refuse(inputs, "logits (N, K) and targets (N)");

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.CrossEntropy(y[0], y[1], y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.CrossEntropyBackward(y[0], y[1], dy, d.Into(y[0]));

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

public static partial class Operations
{
    extension(Value logits)
    {
        /// <summary>Records the loss of each row: logits (N, K) and targets (N), class indices stored as floats, to (N) nats.</summary>
        public Value CrossEntropy(Value targets) => logits.Tape.Record(new CrossEntropy(), logits, targets);
    }
}
