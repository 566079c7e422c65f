using Engine.Backends;
using Engine.Tensors;

namespace Engine.Autograd;

/// <summary>
/// The result of a backward pass: <c>d[x]</c> is dLoss/dx. While the pass runs, ops read d[y] and add a term for each input
/// through <see cref="Into"/> or <see cref="Pass"/>.
/// </summary>
public sealed class Gradients
{
    private readonly IBackend _backend;
    private readonly Tensor?[] _tensors;
    private readonly ILookup<int, Tensor> _scratch;
    private readonly int[] _terms;
    private readonly int[] _awaited;
    private readonly bool[] _gated;
    private readonly bool _gates;

    /// <param name="backend">Where the gradients live.</param>
    /// <param name="tensors">Memory for the gradient of each line; null where none is wanted.</param>
    /// <param name="scratch">Memory for a rule to work in, by line.</param>
    /// <param name="terms">How many terms each line's gradient has.</param>
    /// <param name="gates">Whether last terms may be gated, which leaves no plain d[y] to look at.</param>
    internal Gradients(IBackend backend, Tensor?[] tensors, ILookup<int, Tensor> scratch, int[] terms, bool gates)
    {
        (_backend, _tensors, _scratch, _terms, _gates) = (backend, tensors, scratch, terms, gates);
        _awaited = new int[terms.Length];
        _gated = new bool[terms.Length];
    }

    /// <summary>dLoss/dx.</summary>
    /// <exception cref="ArgumentException">No gradient was computed for x: it is not a variable above the loss, or its tape is planned
    /// and x is no leaf.</exception>
    public Tensor this[Value x] => _tensors[x.Line] ?? throw new ArgumentException(
        $"no gradient was computed for '{x.Name}': it must lie between a variable and the loss.", nameof(x));

    /// <summary>
    /// The memory that the rule asked for at y (<see cref="BackwardRule.Scratch"/>), in that order; it holds whatever was left there.
    /// </summary>
    public Tensor[] Scratch(Value y) => [.. _scratch[y.Line]];

    /// <summary>Whether any term of x's gradient has arrived.</summary>
    public bool Reached(Value x) => _awaited[x.Line] < _terms[x.Line];

    /// <summary>Whether d[y] is already gated by the ReLU that y ends in.</summary>
    public bool IsGated(Value y) => _gated[y.Line];

    /// <summary>Where to put the next term of x's gradient. A verb that honours the gate says so and may then be given one.</summary>
    public Accumulator Into(Value x, bool honoursGate = false)
    {
        bool adds = Reached(x);
        bool last = --_awaited[x.Line] == 0;
        bool gate = _gates && last && honoursGate && x.Op is { EndsInRelu: true };
        _gated[x.Line] = gate;
        return new Accumulator(this[x], adds, gate ? x.Data : null);
    }

    /// <summary>Hands d[y] on as a term of x's gradient: no copy where the tape gave both one memory.</summary>
    public void Pass(Value y, Value x)
    {
        Accumulator dx = Into(x);
        if (dx.Tensor != this[y])
            _backend.Accumulate(this[y], dx);
    }

    internal bool Computes(Value x) => _tensors[x.Line] is not null;

    internal void Begin(Value loss)
    {
        _terms.CopyTo(_awaited, 0);
        _gated.AsSpan().Clear();
        _awaited[loss.Line]--;
        _backend.Fill(this[loss], 1f);
    }

    /// <summary>A gradient that no term reached is zero.</summary>
    internal void End(IReadOnlyList<Value> lines)
    {
        for (int line = 0; line < lines.Count; line++)
        {
            if (lines[line].Op is null && _tensors[line] is { } dx && !Reached(lines[line]))
                _backend.Fill(dx, 0f);
        }
    }
}
