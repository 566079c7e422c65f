using System.Runtime.InteropServices;

namespace Weights.Pickle;

/// <summary>
/// The working memory of the pickle machine: a stack with marks, the memo, and a budget. Every value put here, every gap in the memo
/// and every part of a copied value is paid for, so a small file cannot ask for much memory or time.
/// </summary>
internal sealed class PickleStack
{
    // ResNet-50's state dict costs about 12 000; a checkpoint with optimizer state about three times its state dict.
    private const int Budget = 2_000_000, MaximumMarks = 1000;

    private static readonly object Unset = new();

    private readonly List<object?> _values = [], _memo = [];
    private readonly List<int> _marks = [];
    private int _left = Budget;

    public void Spend(long cost)
    {
        if (cost > _left)
            throw new InvalidDataException("it makes more values than any state dict has");
        _left -= (int)cost;
    }

    /// <summary>Forgets everything but what was spent; the next pickle of the same file starts.</summary>
    public void Clear()
    {
        _values.Clear();
        _memo.Clear();
        _marks.Clear();
    }

    public void Push(object? value)
    {
        Spend(1);
        _values.Add(value);
    }

    public void Mark()
    {
        if (_marks.Count == MaximumMarks)
            throw new InvalidDataException($"it nests deeper than {MaximumMarks} levels");
        _marks.Add(_values.Count);
    }

    public object? Top() => _values.Count > Floor ? _values[^1] : throw Underflow();

    public object? Pop()
    {
        object? value = Top();
        _values.RemoveAt(_values.Count - 1);
        return value;
    }

    public object?[] Pop(int count)
    {
        if (_values.Count - Floor < count)
            throw Underflow();
        object?[] values = CollectionsMarshal.AsSpan(_values)[^count..].ToArray();
        _values.RemoveRange(_values.Count - count, count);
        return values;
    }

    /// <summary>Takes everything above the last mark, and the mark.</summary>
    public object?[] PopToMark()
    {
        if (_marks.Count == 0)
            throw new InvalidDataException("an instruction needs a mark and there is none");
        object?[] values = Pop(_values.Count - Floor);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    public void Put(uint index)
    {
        // Writers number the memo in order; a gap is filled, and paid for.
        if (index >= _memo.Count)
        {
            Spend(index - (long)_memo.Count + 1);
            while (_memo.Count <= index)
                _memo.Add(Unset);
        }
        _memo[(int)index] = Top();
    }

    public void Memoize() => Put((uint)_memo.Count);

    public void Get(uint index) =>
        Push(index < _memo.Count && _memo[(int)index] != Unset
            ? _memo[(int)index]
            : throw new InvalidDataException($"it recalls value {index}, which was never stored"));

    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private static InvalidDataException Underflow() => new("an instruction needs a value and there is none");
}
