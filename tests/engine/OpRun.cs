using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>The op on a tape, used several times, under a loss that weights every element of every use differently.</summary>
public sealed class OpRun : IDisposable
{
    private readonly IBackend _backend;
    private readonly Tape _tape;
    private readonly Value[] _inputs;
    private readonly Value _y;
    private readonly Gradients _gradients = null!;
    private readonly List<Tensor> _leaves = [];

    public OpRun(IBackend backend, OpCase op, int uses, bool planned)
    {
        (_backend, _tape) = (backend, new Tape(backend));
        _inputs = [.. op.Inputs.Select((input, i) => i < op.Variables
            ? _tape.Variable(Leaf(input), $"x{i}")
            : _tape.Constant(Leaf(input), $"c{i}"))];

        Value? loss = null, y = null;
        for (int use = 0; use < uses; use++)
        {
            y = op.Record(_inputs);
            Exact weights = new Exact(y.Shape).Like(i => (i * 37 + use * 11) % 32 / 16f - 0.96875f);
            Weights = [.. weights.Numbers.Select((weight, i) => weight + (use > 0 ? Weights[i] : 0))];
            Value term = (y * _tape.Constant(Leaf(weights), $"weights{use}")).Sum();
            loss = loss is null ? term : loss + term;
        }
        _y = y!;
        if (planned)
            _tape.Plan(loss, _y);
        for (int replay = 0; replay < (planned ? 2 : 1); replay++)
        {
            _tape.Forward();
            _gradients = _tape.Backward(loss!);
        }
    }

    public double[] Weights { get; } = [];

    public float[] Y => _backend.Read(_y);

    public float[] Gradient(int variable) => _backend.Read(_gradients[_inputs[variable]]);

    public void Dispose()
    {
        _tape.Dispose();
        foreach (Tensor leaf in _leaves)
            leaf.Storage.Dispose();
    }

    private Tensor Leaf(Exact numbers)
    {
        Tensor leaf = _backend.Tensor(numbers.Shape, numbers.Floats());
        _leaves.Add(leaf);
        return leaf;
    }
}
