using System.Collections;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// The computation as a list of lines, in order. Recording only appends lines. <see cref="Forward"/> runs them, any number of times, into
/// the same memory. The list is in topological order, so the backward pass reads it from the end.
/// A kept tape keeps every value for study. A planned tape keeps the requested values and reuses the memory of all others:
/// replaying it allocates nothing.
/// </summary>
public sealed class Tape : IEnumerable<Value>, IDisposable
{
    private readonly List<Value> _lines = [];
    private readonly List<Tensor> _arenas = [];
    private bool _laidOut;
    private bool _reusesMemory;
    private bool _isDisposed;
    private (Value Loss, BackwardRule? Rule, Gradients Gradients)? _planned;

    /// <param name="backend">The device that runs it.</param>
    public Tape(IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        Backend = backend;
        Watch = FiniteCheck.IsOn ? new FiniteCheck() : null;
    }

    /// <summary>The device that runs it.</summary>
    public IBackend Backend { get; }

    /// <summary>Sees every line as it runs; a <see cref="FiniteCheck"/> from the start while <see cref="FiniteCheck.IsOn"/>.</summary>
    public TapeWatch? Watch { get; set; }

    /// <summary>Whether values outlast a run: the tape was not planned.</summary>
    internal bool KeepsEverything => !_reusesMemory;

    /// <summary>Whether a pass is running, during which values that do not outlast it may be read.</summary>
    internal bool IsRunning { get; private set; }

    /// <summary>Elements of memory allocated besides the leaves.</summary>
    public long ArenaCount => _arenas.Sum(arena => (long)arena.Shape.Count);

    /// <summary>The line with that name; the last one if several have it.</summary>
    /// <exception cref="KeyNotFoundException">No line has that name.</exception>
    public Value this[string name] => _lines.FindLast(line => line.Name == name)
        ?? throw new KeyNotFoundException($"no line of the tape is named '{name}'. A part of a unit that is recorded as one line has none:"
            + " record the network with fused: false to see every part.");

    /// <summary>Adds a leaf that needs a gradient. The caller owns its memory.</summary>
    public Value Variable(Tensor data, string name) => Leaf(data, name, wantsGradient: true);

    /// <summary>Adds a leaf without a gradient. The caller owns its memory.</summary>
    public Value Constant(Tensor data, string name) => Leaf(data, name, wantsGradient: false);

    /// <summary>Appends an op. Its shapes are checked here, once.</summary>
    /// <exception cref="ShapeException">The op cannot take inputs of these shapes.</exception>
    public Value Record(Op op, params Value[] inputs)
    {
        ArgumentNullException.ThrowIfNull(op);
        foreach (Value input in inputs)
            ArgumentNullException.ThrowIfNull(input, nameof(inputs));
        if (inputs.FirstOrDefault(input => input.Tape != this) is { } stranger)
            throw new ArgumentException($"{op}: its input '{stranger.Name}' stands on another tape.");
        Shape shape = op.Infer([.. inputs.Select(input => input.Shape)]);
        return Append(op.ToString(), op, inputs, shape, op.InferElement(inputs), null, inputs.Any(input => input.WantsGradient));
    }

    /// <summary>
    /// Plans the memory: only the leaves' gradients, the loss and <paramref name="keep"/> outlast a run.
    /// Nothing can be recorded afterwards.
    /// </summary>
    /// <param name="loss">The loss that <see cref="Backward"/> will start from, or null if there is no backward pass.</param>
    /// <param name="keep">Values to be read after a run.</param>
    public void Plan(Value? loss, params Value[] keep) => Plan(loss, null, keep);

    /// <inheritdoc cref="Plan(Value?, Value[])" path="/*[not(self::param)]"/>
    /// <param name="loss">The loss that <see cref="Backward"/> will start from, or null if there is no backward pass.</param>
    /// <param name="rule">The rule of every backward pass: values that it reads are kept, and its scratch memory is allocated.</param>
    /// <param name="keep">Values to be read after a run.</param>
    public void Plan(Value? loss, BackwardRule? rule, params Value[] keep)
    {
        MustNotBeLaidOut();
        foreach (Value value in loss is null ? keep : [loss, .. keep])
            MustStandHere(value);
        BackwardPlan? backward = loss is null ? null : new BackwardPlan(_lines, loss, rule);
        var data = new (Value Value, Lifetime Life)[_lines.Count(line => line.Op is not null)];
        int buffer = 0;
        foreach (Value y in _lines.Where(line => line.Op is not null))
            data[buffer++] = (y, Life(y, backward, forever: y == loss || keep.Contains(y)));

        List<(Value Value, Lifetime Life)> gradients = backward?.Lifetimes() ?? [];
        (Value Value, Shape Shape)[] scratch = [.. backward?.Scratch() ?? []];
        (long[] offsets, long size) = MemoryPlan.Fit(
            [.. data.Select(b => b.Life), .. gradients.Select(b => b.Life), .. scratch.Select(s => backward!.Passing(s.Value, s.Shape))]);
        Tensor arena = Arena(size);
        for (int i = 0; i < data.Length; i++)
            data[i].Value.Place(data[i].Value.In(arena, offsets[i]), outlasts: data[i].Life.Death == int.MaxValue);
        (_laidOut, _reusesMemory) = (true, true);

        if (backward is not null)
        {
            var tensors = new Tensor?[_lines.Count];
            for (int i = 0; i < gradients.Count; i++)
                tensors[gradients[i].Value.Line] = gradients[i].Value.In(arena, offsets[data.Length + i]);
            backward.Share(tensors);
            int first = offsets.Length - scratch.Length;
            ILookup<int, Tensor> rooms = scratch.Index()
                .ToLookup(s => s.Item.Value.Line, s => arena.View(offsets[first + s.Index], s.Item.Shape));
            _planned = (loss!, rule, new Gradients((loss!, rule), tensors, rooms, backward, gates: rule is null));
        }
    }

    /// <summary>Runs every line, in order, overwriting the results of an earlier run.</summary>
    /// <exception cref="ObjectDisposedException">The tape was disposed.</exception>
    public void Forward()
    {
        MustNotBeDisposed();
        using Backend.Call run = Backend.Enter("Tape.Forward");
        if (!_laidOut)
            KeepEverything();
        IsRunning = true;
        try
        {
            for (int line = 0; line < _lines.Count; line++)
            {
                if (_lines[line] is not { Op: { } op } y)
                    continue;
                Watch?.Before(y);
                op.Forward(Backend, y);
                Watch?.AfterForward(y);
            }
        }
        finally
        {
            IsRunning = false;
        }
    }

    /// <summary>
    /// The gradient of <paramref name="loss"/>, summed over its elements, with respect to every variable it depends on;
    /// on a kept tape also with respect to every value between. Call <see cref="Forward"/> first.
    /// On a planned tape the next call overwrites the result.
    /// </summary>
    /// <param name="loss">The loss; on a planned tape, the one that was planned.</param>
    /// <param name="rule">Replaces the derivative of some ops, for this pass; on a planned tape, the rule that was planned.</param>
    /// <exception cref="ObjectDisposedException">The tape was disposed.</exception>
    public Gradients Backward(Value loss, BackwardRule? rule = null) => BackwardAgain(loss, rule, again: null);

    /// <summary>The same, into the memory of an earlier result, so that a pass that is repeated on a kept tape allocates nothing.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="again">The result of this tape with the same loss and rule, to be overwritten; null for new memory.</param>
    /// <exception cref="ArgumentException">The earlier result is of another tape, loss or rule: its memory has other places.</exception>
    /// <exception cref="ObjectDisposedException">The tape was disposed.</exception>
    public Gradients BackwardAgain(Value loss, BackwardRule? rule, Gradients? again)
    {
        MustNotBeDisposed();
        MustStandHere(loss);
        if (again?.AreOf(loss, rule) == false)
            throw new ArgumentException($"the earlier result is not of '{loss.Name}' by this rule: leave it out, or give that of such a pass.", nameof(again));
        using Backend.Call run = Backend.Enter("Tape.Backward");
        if (!_laidOut)
            throw new InvalidOperationException("the tape has not run: call Forward before Backward.");
        Gradients d = _planned is null ? again ?? KeepGradients(loss, rule)
            : _planned.Value.Loss == loss && _planned.Value.Rule == rule ? _planned.Value.Gradients
            : throw new InvalidOperationException(
                "a planned tape has the one loss and the one rule of its plan: use a kept tape for others.");

        IsRunning = true;
        try
        {
            d.Begin(loss);
            for (int line = loss.Line; line >= 0; line--)
            {
                if (_lines[line] is not { Op: not null } y || !d.Computes(y) || !d.Reached(y))
                    continue;
                Watch?.Before(y);
                PassBack(y, rule, d);
                Watch?.AfterBackward(y, d);
            }
            d.End(_lines);
        }
        finally
        {
            IsRunning = false;
        }
        return d;
    }

    /// <summary>Prepares verbs that run this tape repeatedly. Where its lines are watched, they are called one by one and not recorded by the device.</summary>
    public IReplay Replay(Action verbs) => Watch is null ? Backend.Replay(verbs) : new PlainReplay(verbs);

    /// <inheritdoc/>
    public IEnumerator<Value> GetEnumerator() => _lines.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>One line of text per line of the tape: number, name, op, shape, inputs.</summary>
    public override string ToString() => string.Join(Environment.NewLine, _lines);

    /// <summary>Frees everything that the tape allocated. Leaves stay with their owners.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (Tensor arena in _arenas)
            arena.Storage.Dispose();
        _arenas.Clear();
    }

    /// <summary>The backward pass of one line. The rule gets the gradient before y's ReLU, the op the gradient after it.</summary>
    private void PassBack(Value y, BackwardRule? rule, Gradients d)
    {
        Tensor dy = d.WorkingCopy(y, underRule: rule is not null);
        if (rule is not null && rule.Backward(Backend, y, dy, d))
            return;
        d.Gate(y, dy);
        y.Op!.Backward(Backend, y, dy, d);
    }

    private Value Leaf(Tensor data, string name, bool wantsGradient)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(name);
        return Append(name, null, [], data.Shape, data.Element, data, wantsGradient);
    }

    private Value Append(string name, Op? op, Value[] inputs, Shape shape, Element element, Tensor? data, bool wantsGradient)
    {
        MustNotBeLaidOut();
        var value = new Value(this, _lines.Count, name, op, inputs, shape, element, data, wantsGradient);
        _lines.Add(value);
        return value;
    }

    private void MustNotBeDisposed()
    {
        if (_isDisposed)
            throw new ObjectDisposedException(nameof(Tape), "the tape was disposed, and what it computed with it: dispose it after its last run.");
    }

    private void MustStandHere(Value value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Tape != this)
            throw new ArgumentException($"'{value.Name}' stands on another tape.");
    }

    private void MustNotBeLaidOut()
    {
        MustNotBeDisposed();
        if (_laidOut)
            throw new InvalidOperationException("the tape's memory is laid out: record everything before the first Forward or Plan.");
    }

    private void KeepEverything()
    {
        foreach (Value y in _lines.Where(line => line.Op is not null))
            y.Place(y.In(Arena(y.Floats), 0), outlasts: true);
        _laidOut = true;
    }

    private Gradients KeepGradients(Value loss, BackwardRule? rule)
    {
        var backward = new BackwardPlan(_lines, loss, rule);
        var tensors = new Tensor?[_lines.Count];
        foreach (Value x in _lines.Where(backward.Includes))
            tensors[x.Line] = x.In(Arena(x.Floats), 0);
        ILookup<int, Tensor> rooms = backward.Scratch().ToLookup(s => s.Value.Line, s => Arena(s.Shape.Count).View(0, s.Shape));
        return new Gradients((loss, rule), tensors, rooms, backward, copy: Arena(backward.LargestWorkingCopy));
    }

    /// <exception cref="DeviceMemoryException">The arena would exceed the largest tensor.</exception>
    private Tensor Arena(long count)
    {
        if (count > int.MaxValue)
        {
            throw new DeviceMemoryException("one run of the tape",
                $"it needs {count * sizeof(float) >> 20} MiB in one piece, and the upper bound is {(long)int.MaxValue * sizeof(float) >> 20}");
        }
        Tensor arena = Backend.Allocate(new Shape((int)Math.Max(count, 1)));
        _arenas.Add(arena);
        return arena;
    }

    /// <summary>
    /// A value's lifetime: from its own line to its last reader, forward or backward. Forward runs line i at moment i, backward at 2L - 1 -
    /// i.
    /// </summary>
    private Lifetime Life(Value y, BackwardPlan? backward, bool forever)
    {
        int death = forever ? int.MaxValue : y.Line;
        foreach (Value reader in _lines)
        {
            for (int input = 0; input < reader.Inputs.Count && reader.Op is not null; input++)
            {
                if (reader[input] != y)
                    continue;
                death = Math.Max(death, reader.Line);
                if (backward is not null && backward.Includes(reader) && backward.RereadsInput(reader, input))
                    death = Math.Max(death, backward.Moment(reader));
            }
        }
        if (backward is not null && backward.Includes(y) && backward.RereadsOutput(y))
            death = Math.Max(death, backward.Moment(y));
        return new Lifetime(y.Floats, y.Line, death);
    }
}
