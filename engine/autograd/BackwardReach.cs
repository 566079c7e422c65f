using Engine.Tensors;

namespace Engine.Autograd;

/// <summary>
/// What a backward pass from one loss will do, known before it runs: which values get a gradient, how many terms each has,
/// when each is first written and last read, and which two can share memory.
/// </summary>
internal sealed class BackwardReach
{
    private readonly IReadOnlyList<Value> _lines;
    private readonly Value _loss;
    private readonly BackwardRule? _rule;
    private readonly bool[] _included;
    private readonly int[] _firstTerm;
    private readonly int[] _sharesWith;

    public BackwardReach(IReadOnlyList<Value> lines, Value loss, BackwardRule? rule)
    {
        if (!loss.WantsGradient)
            throw new ArgumentException($"'{loss.Name}' depends on no variable: there is nothing to differentiate.", nameof(loss));
        (_lines, _loss, _rule) = (lines, loss, rule);
        _included = new bool[lines.Count];
        _firstTerm = new int[lines.Count];
        _sharesWith = [.. Enumerable.Range(0, lines.Count)];
        Terms = new int[lines.Count];

        _included[loss.Line] = true;
        Terms[loss.Line] = 1;
        _firstTerm[loss.Line] = Moment(loss);
        for (int line = loss.Line; line >= 0; line--)
        {
            if (_included[line])
                Visit(lines[line]);
        }
    }

    /// <summary>Terms of each line's gradient.</summary>
    public int[] Terms { get; }

    public bool Includes(Value x) => _included[x.Line];

    /// <summary>When the backward pass reaches that line.</summary>
    public int Moment(Value y) => 2 * _lines.Count - 1 - y.Line;

    /// <summary>Whether the op, or the rule in its place, reads the data of y's input.</summary>
    public bool RereadsInput(Value y, int input) => y.Op!.RereadsInput(y, input) || _rule?.RereadsInput(y, input) == true;

    /// <summary>Whether the op, its ReLU's gate or the rule in its place reads the data of y.</summary>
    public bool RereadsOutput(Value y) => y.Op!.RereadsOutput(y) || y.Op.EndsInRelu || _rule?.RereadsOutput(y) == true;

    /// <summary>The memory that the rule works in, line by line.</summary>
    public IEnumerable<(Value Value, Shape Shape)> Scratch() =>
        _rule is null ? [] : from y in _lines where Includes(y) && y.Op is not null from shape in _rule.Scratch(y) select (y, shape);

    /// <summary>The life of memory that is needed only while y is handled.</summary>
    public Lifetime Passing(Value y, Shape shape) => new(shape.Count, Moment(y), Moment(y));

    /// <summary>
    /// One buffer per gradient, from its first term to its own line, those of leaves to the end; shared ones appear once.
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
                : new Lifetime(x.Shape.Count, _firstTerm[x.Line], death);
        }
        return [.. lives.Select(life => (_lines[life.Key], life.Value))];
    }

    /// <summary>Elements of the largest d[y] that y's ReLU or the rule changes, 0 if none: what a working copy must hold.</summary>
    public int LargestWorkingCopy => _lines.Where(y => Includes(y) && y.Op is { } op && (op.EndsInRelu || _rule is not null))
        .Select(y => y.Shape.Count).DefaultIfEmpty().Max();

    /// <summary>Gives values that share a gradient's memory the tensor of the one that owns it.</summary>
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
            // A rule may write its terms in any order, so under one d[y] stays apart from what it is made into.
            if (first && _rule is null && y.Op.PassesGradientTo == i && y != _loss && y.Inputs.Count(other => other == x) == 1)
                _sharesWith[x.Line] = _sharesWith[y.Line];
            Terms[x.Line]++;
        }
    }
}
