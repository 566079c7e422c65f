using Engine.Autograd;
using Engine.Backends;
using Engine.Tensors;

namespace Engine.Ops;

/// <summary>y = the inputs concatenated along channels;  each dx = its own channels of dy</summary>
public sealed record Concatenate : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        int channels = inputs.Sum(x => x.C);
        Shape first = new([.. inputs[0].Dims[..^1], channels]);
        return inputs.All(x => x.Rank == first.Rank && x.Dims[..^1].SequenceEqual(first.Dims[..^1]))
            ? first
            : throw Refuse(inputs, "shapes that differ in their channels alone");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y)
    {
        int first = 0;
        for (int i = 0; i < y.Inputs.Count; first += y[i].Shape.C, i++)
            on.CopyChannels(y[i], first, y);
    }

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        int first = 0;
        for (int i = 0; i < y.Inputs.Count; first += y[i].Shape.C, i++)
        {
            if (y[i].WantsGradient)
                on.CopyChannelsBackward(dy, first, d.Into(y[i]));
        }
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the channels of x followed by those of the others.</summary>
        public Value Concatenate(params Value[] others) => x.Tape.Record(new Concatenate(), [x, .. others]);
    }
}
