using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Ops;

/// <summary>
/// y[i] = factor x the sum of the i-th of <paramref name="Runs"/> equal runs of x (0: one run per row);  dx = factor dy[i]
/// </summary>
public sealed record Sum(int Runs, float Factor) : Op
{
    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs)
    {
        int runs = Runs == 0 ? inputs[0].N : Runs;
        return inputs[0].Count % runs == 0 ? new Shape(runs) : throw Refuse(inputs, $"a count that {runs} divides");
    }

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y) => on.Sum(y[0], Factor, y);

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => on.SumBackward(dy, Factor, d.Into(y[0]));

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => false;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => false;

    /// <inheritdoc/>
    protected override string Describe() => $"Sum {{ Runs = {(Runs == 0 ? "rows" : Runs)}, Factor = {Factor} }}";
}

public static partial class Operations
{
    extension(Value x)
    {
        /// <summary>Records the sum of all elements: (1).</summary>
        public Value Sum() => x.Tape.Record(new Sum(1, 1f), x);

        /// <summary>Records the mean of all elements: (1).</summary>
        public Value Mean() => x.Tape.Record(new Sum(1, 1f / x.Shape.Count), x);

        /// <summary>Records the mean within each image or row: (N).</summary>
        public Value MeanRows() => x.Tape.Record(new Sum(0, 1f / x.Shape.Row), x);

        /// <summary>Records the mean of each of <paramref name="runs"/> equal, consecutive runs: (runs).</summary>
        public Value MeanRuns(int runs) => x.Tape.Record(new Sum(runs, (float)runs / x.Shape.Count), x);
    }
}
