using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>y = x wᵀ + b (then ReLU);  dx = dy w,  dw = dyᵀ x,  db = sum of dy over rows</summary>
/// <param name="Bias">Whether input 2 is a bias (K).</param>
/// <param name="Relu">Whether the unit ends in a ReLU.</param>
public sealed record Linear(bool Bias, bool Relu) : Op
{
    /// <inheritdoc/>
    public override bool EndsInRelu => Relu;

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        (Shape x, Shape w) = (inputs[0], inputs[1]);
        bool fits = w.Rank == 2 && x.Row == w.C && (!Bias || inputs[2].Count == w.N);
        return fits ? new Shape(x.N, w.N) : throw Refuse(inputs, "x (N, ...) with C numbers per row, w (K, C) and a bias (K)");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Linear(y[0], y[1], Bias ? y[2].Data : null, Relu, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y[0].WantsGradient)
            on.LinearBackwardData(dy, y[1], d.Into(y[0], honoursGate: true));
        if (y[1].WantsGradient)
            on.LinearBackwardWeights(y[0], dy, d.Into(y[1]));
        if (Bias && y[2].WantsGradient)
            on.BiasBackward(dy, d.Into(y[2]));
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
    protected override string Describe() => "Linear" + (Bias ? " + bias" : "") + (Relu ? " + relu" : "");
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records x wᵀ + bias, then ReLU if <paramref name="relu"/>: (N, ...) and w (K, C) to (N, K).</summary>
        public Value Linear(Value w, Value? bias = null, bool relu = false) =>
            x.Tape.Record(new Linear(bias is not null, relu), bias is null ? [x, w] : [x, w, bias]);
    }
}
