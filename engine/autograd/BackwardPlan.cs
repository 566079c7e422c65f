using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// The plan of a backward pass from one loss: which values get a gradient, the number of terms of each, when each is first written and last
/// read, and which gradients can share memory.
/// </summary>
internal sealed class BackwardPlan
{
    private readonly IReadOnlyList<Value> _lines;
    private readonly Value _loss;
    private readonly BackwardRule? _rule;
    private readonly bool[] _included;
    private readonly int[] _firstTerm;
    private readonly int[] _sharesWith;

    public BackwardPlan(IReadOnlyList<Value> lines, Value loss, BackwardRule? rule)
    {
        if (!loss.WantsGradient)
            throw new ArgumentException($"'{loss.Name}' depends on no variable: there is nothing to differentiate.", nameof(loss));
        (_lines, _loss, _rule) = (lines, loss, rule);
        _included = new bool[lines.Count];
        _firstTerm = new int[lines.Count];
        _sharesWith = [.. Enumerable.Range(0, lines.Count)];
        Terms = new int[lines.Count];
        PartialTerms = new int[lines.Count];

        _included[loss.Line] = true;
        Terms[loss.Line] = 1;
        _firstTerm[loss.Line] = Moment(loss);
        for (int line = loss.Line; line >= 0; line--)
        {
            if (_included[line])
                Visit(lines[line]);
        }
    }

    /// <summary>The number of terms of each line's gradient.</summary>
    public int[] Terms { get; }

    /// <summary>How many of each line's last terms change a part of the elements only (<see cref="Op.AddsToPart"/>).</summary>
    public int[] PartialTerms { get; }

    public bool Includes(Value x) => _included[x.Line];

    /// <summary>The moment at which the backward pass processes that line.</summary>
    public int Moment(Value y) => 2 * _lines.Count - 1 - y.Line;

    /// <summary>Whether the backward pass, by op or rule, reads the data of y's input.</summary>
    public bool RereadsInput(Value y, int input) => y.Op!.RereadsInput(y, input) || _rule?.RereadsInput(y, input) == true;

    /// <summary>Whether the backward pass, by op, ReLU gate or rule, reads the data of y.</summary>
    public bool RereadsOutput(Value y) => y.Op!.RereadsOutput(y) || y.Op.EndsInRelu || _rule?.RereadsOutput(y) == true;

    /// <summary>The rule's scratch memory, line by line.</summary>
    public IEnumerable<(Value Value, Shape Shape)> Scratch() =>
        _rule is null ? [] : from y in _lines where Includes(y) && y.Op is not null from shape in _rule.Scratch(y) select (y, shape);

    /// <summary>The lifetime of memory that is needed only while y is processed.</summary>
    public Lifetime Passing(Value y, Shape shape) => new(shape.Count, Moment(y), Moment(y));

    /// <summary>
    /// One buffer per gradient, alive from its first term to its own line, or to the end for leaves. Shared buffers appear once.
    /// </summary>
    public List<(Value Value, Lifetime Life)> Lifetimes()
    {
        var lives = new Dictionary<int, Lifetime>();
        foreach (Value x in _lines.Where(Includes))
        {
            int owner = _sharesWith[x.Line];
            int death = x.Op is null ? int.MaxValue : Moment(x);
            lives[owner] = lives.TryGetValue(owner, out Lifetime life)
                ? life with { Birth = Math.Min(life.Birth, _firstTerm[x.Line]), Death = Math.Max(life.Death, death) }
                : new Lifetime(x.Floats, _firstTerm[x.Line], death);
        }
        return [.. lives.Select(life => (_lines[life.Key], life.Value))];
    }

    /// <summary>Elements of the largest d[y] that y's ReLU or the rule modifies, 0 if none: the size of the working copy.</summary>
    public int LargestWorkingCopy => _lines.Where(y => Includes(y) && y.Op is { } op && (op.EndsInRelu || _rule is not null))
        .Select(y => y.Shape.Count).DefaultIfEmpty().Max();

    /// <summary>Assigns to values that share a gradient's memory the tensor of the owner.</summary>
    public void Share(Tensor?[] tensors)
    {
        foreach (Value x in _lines.Where(Includes))
            tensors[x.Line] ??= tensors[_sharesWith[x.Line]]!.View(0, x.Shape);
    }

    private void Visit(Value y)
    {
        if (y.Op is null)
            return;
        for (int i = 0; i < y.Inputs.Count; i++)
        {
            Value x = y[i];
            if (!x.WantsGradient)
                continue;
            bool first = !_included[x.Line];
            if (first)
                (_included[x.Line], _firstTerm[x.Line]) = (true, Moment(y));
            // A rule may write its terms in any order, so under a rule d[y] never shares memory with the gradient of an input.
            if (first && _rule is null && y.Op.PassesGradientTo == i && x.Element == y.Element && y != _loss && y.Inputs.Count(other => other == x) == 1)
                _sharesWith[x.Line] = _sharesWith[y.Line];
            Terms[x.Line]++;
            PartialTerms[x.Line] = y.Op.AddsToPart && !first ? PartialTerms[x.Line] + 1 : 0;
        }
    }
}
