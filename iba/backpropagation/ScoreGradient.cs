using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// The logits of a batch of inputs, and the gradient of a score with respect to them: recorded once, replayed for every batch of that size.
/// The score of a row is the sum of its logits weighted by its row of <see cref="Seed"/>, which may be written after the logits are read.
/// </summary>
internal sealed class ScoreGradient : IDisposable
{
    private readonly TensorScope _tensors;
    private readonly Tape _tape;
    private readonly Value _input;
    private readonly Value _logits;
    private readonly Value _score;
    private readonly BackwardRule? _rule;

    /// <param name="network">The network, or the part after a layer.</param>
    /// <param name="input">(N, H, W, C) the shape of a batch.</param>
    /// <param name="rule">Replaces derivatives; null for the plain gradient.</param>
    /// <param name="fused">Whether units are recorded as one line each: fast, but a rule that tells their parts apart needs the
    /// parts.</param>
    public ScoreGradient(Network network, Shape input, BackwardRule? rule = null, bool fused = true)
    {
        _rule = rule;
        _tensors = new TensorScope(network.Backend);
        Input = _tensors.Allocate(input);
        _tape = new Tape(network.Backend);
        _input = _tape.Variable(Input, "input");
        _logits = network.Record(_input, fused, rounds: fused && rule is null).Widened();
        Seed = _tensors.Allocate(_logits.Shape);
        _score = (_logits * _tape.Constant(Seed, "seed")).Sum().Named("score");
        _tape.Plan(_score, rule, _logits);
    }

    /// <summary>(N, H, W, C); write it before <see cref="Forward"/>.</summary>
    public Tensor Input { get; }

    /// <summary>(N, K); write it before <see cref="Backward"/>.</summary>
    public Tensor Seed { get; }

    /// <summary>(N, H, W, C) the result of the last <see cref="Backward"/>.</summary>
    public Tensor? InputGradient { get; private set; }

    /// <summary>Rows of a batch.</summary>
    public int Rows => Input.Shape.N;

    /// <summary>Classes.</summary>
    public int Classes => Seed.Shape.C;

    /// <summary>Bytes allocated, besides the parameters.</summary>
    public long Bytes => sizeof(float) * (_tape.ArenaCount + Input.Shape.Count + Seed.Shape.Count);

    /// <summary>Runs the network and downloads the logits: N x K values.</summary>
    public float[] Forward()
    {
        _tape.Forward();
        return Download(_logits);
    }

    /// <summary>The logits of any number of inputs, H x W x C elements each.</summary>
    public float[][] Logits(IReadOnlyList<float[]> inputs)
    {
        var logits = new float[inputs.Count][];
        for (int first = 0; first < inputs.Count; first += Rows)
        {
            int count = Math.Min(Rows, inputs.Count - first);
            for (int i = 0; i < count; i++)
                _tape.Backend.Upload(inputs[first + i], Input.Rows(i, 1));
            float[] all = Forward();
            for (int i = 0; i < count; i++)
                logits[first + i] = all[(i * Classes)..((i + 1) * Classes)];
        }
        return logits;
    }

    /// <summary>
    /// Runs the backward pass: d(score)/d(input), or the rule's replacement for it, (N, H, W, C). The next call overwrites it.
    /// </summary>
    /// <param name="seed">N x K elements.</param>
    public Tensor Backward(ReadOnlySpan<float> seed)
    {
        _tape.Backend.Upload(seed, Seed);
        return InputGradient = _tape.Backward(_score, _rule)[_input];
    }

    /// <summary>The elements of a tensor.</summary>
    public float[] Download(Tensor tensor) => _tape.Backend.Read(tensor);

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _tensors.Dispose();
    }
}
