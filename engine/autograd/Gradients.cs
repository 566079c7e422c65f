using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// The result of a backward pass: <c>d[x]</c> is dLoss/dx. While the pass runs, ops add a term for each input through <see cref="Into"/> or
/// <see cref="Pass"/>.
/// </summary>
public sealed class Gradients
{
    private readonly Tape _tape;
    private readonly Tensor?[] _tensors;
    private readonly ILookup<int, Tensor> _scratch;
    private readonly int[] _terms;
    private readonly int[] _partialTerms;
    private readonly int[] _awaited;
    private readonly bool[] _gated;
    private readonly bool _gates;
    private readonly Tensor? _copy;
    private readonly bool _keepsAll;
    private readonly (Value Loss, BackwardRule? Rule) _of;

    /// <summary>On a planned tape: gradients reuse one another's memory, and only those of leaves remain after the pass.</summary>
    /// <param name="of">The loss, and the rule of the pass.</param>
    /// <param name="tensors">Memory for the gradient of each line; null if the line has none.</param>
    /// <param name="scratch">The rule's scratch memory, by line.</param>
    /// <param name="plan">The terms of each line's gradient.</param>
    /// <param name="gates">Whether the verb that computes a last term may also apply the gate.</param>
    internal Gradients((Value Loss, BackwardRule? Rule) of, Tensor?[] tensors, ILookup<int, Tensor> scratch, BackwardPlan plan, bool gates)
    {
        (_tape, _of, _tensors, _scratch, _terms, _partialTerms, _gates) =
            (of.Loss.Tape, of, tensors, scratch, plan.Terms, plan.PartialTerms, gates);
        _awaited = new int[_terms.Length];
        _gated = new bool[_terms.Length];
    }

    /// <summary>On a kept tape: every gradient remains as it is after its last term.</summary>
    /// <param name="of">The loss, and the rule of the pass.</param>
    /// <param name="tensors">Memory for the gradient of each line; null if the line has none.</param>
    /// <param name="scratch">The rule's scratch memory, by line.</param>
    /// <param name="plan">The terms of each line's gradient.</param>
    /// <param name="copy">Memory for a copy of one gradient, which ReLU and rule may modify instead of the gradient.</param>
    internal Gradients((Value Loss, BackwardRule? Rule) of, Tensor?[] tensors, ILookup<int, Tensor> scratch, BackwardPlan plan, Tensor copy)
        : this(of, tensors, scratch, plan, gates: false) => (_copy, _keepsAll) = (copy, true);

    /// <summary>dLoss/dx, x being the value that a run computes for that line: for a fused unit, the result after the ReLU.</summary>
    /// <exception cref="ArgumentException">
    /// No gradient was computed for x because it is not between a variable and the loss, or the gradient's memory was reused because the
    /// tape is planned and x is not a leaf.
    /// </exception>
    public Tensor this[Value x]
    {
        get
        {
            if (x.Tape != _tape)
                throw new ArgumentException($"'{x.Name}' stands on another tape than these gradients.", nameof(x));
            if (_tensors[x.Line] is not { } dx)
            {
                throw new ArgumentException(
                    $"no gradient was computed for '{x.Name}': it must lie between a variable and the loss.", nameof(x));
            }
            if (!_tape.IsRunning && !_keepsAll && x.Op is not null)
            {
                throw new ArgumentException(
                    $"the gradient of '{x.Name}' is gone: a planned tape keeps those of its variables alone."
                    + " Leave Plan out to keep every gradient.", nameof(x));
            }
            return dx;
        }
    }

    /// <summary>
    /// The scratch memory that the rule requested at y (<see cref="BackwardRule.Scratch"/>), in that order. Its contents are undefined.
    /// </summary>
    public Tensor[] Scratch(Value y) => [.. _scratch[y.Line]];

    /// <summary>Whether at least one term of x's gradient was added.</summary>
    public bool Reached(Value x) => _awaited[x.Line] < _terms[x.Line];

    /// <summary>The destination of the next term of x's gradient. A verb that supports the gate says so and may then receive one.</summary>
    public Accumulator Into(Value x, bool honoursGate = false)
    {
        bool adds = Reached(x);
        int afterIt = --_awaited[x.Line], partial = _partialTerms[x.Line];
        // Terms that change a part of the elements need the others gated before them, and gate what they change themselves.
        bool gate = _gates && afterIt <= partial && honoursGate && x.Op is { EndsInRelu: true };
        _gated[x.Line] = gate && (afterIt == partial || _gated[x.Line]);
        return new Accumulator(this[x], adds, gate ? x.Data : null);
    }

    /// <summary>Adds dy as a term of x's gradient, without a copy if both share memory.</summary>
    public void Pass(Tensor dy, Value x)
    {
        Accumulator dx = Into(x);
        if (dx.Tensor != dy)
            _tape.Backend.Accumulate(dy, dx);
    }

    /// <summary>Whether they are of that loss by that rule, so that another such pass may overwrite them.</summary>
    internal bool AreOf(Value loss, BackwardRule? rule) => _of == (loss, rule);

    internal bool Computes(Value x) => _tensors[x.Line] is not null;

    internal void Begin(Value loss)
    {
        _terms.CopyTo(_awaited, 0);
        _gated.AsSpan().Clear();
        _awaited[loss.Line]--;
        _tape.Backend.Fill(this[loss], 1f);
    }

    /// <summary>d[y], to be gated or overwritten while y is processed: a copy on a kept tape, else d[y] itself.</summary>
    internal Tensor WorkingCopy(Value y, bool underRule)
    {
        if (_copy is null || !(underRule || y.Op!.EndsInRelu))
            return this[y];
        Tensor dy = y.In(_copy, 0);
        _tape.Backend.Copy(this[y], dy);
        return dy;
    }

    /// <summary>Applies the gradient of the ReLU that y ends in, unless the verb that computed the last term of d[y] did.</summary>
    internal void Gate(Value y, Tensor dy)
    {
        if (y.Op!.EndsInRelu && !_gated[y.Line])
            _tape.Backend.Gate(y, dy);
    }

    /// <summary>Sets gradients without any term to zero.</summary>
    internal void End(IReadOnlyList<Value> lines)
    {
        for (int line = 0; line < lines.Count; line++)
        {
            if (lines[line].Op is null && _tensors[line] is { } dx && !Reached(lines[line]))
                _tape.Backend.Fill(dx, 0f);
        }
    }
}
