using System.Runtime.InteropServices;
using Iba.Engine.Files;

namespace Iba.Weights.Pickle;

/// <summary>The state of the pickle reader: a stack with marks, and the memo. Every value is charged to the budget.</summary>
internal sealed class PickleStack(FileBudget budget)
{
    // A slot of 8 bytes in a list that doubles; a number in it is an object of its own.
    private const int SlotUnits = 24, MemoUnits = 24, ArrayUnits = 24, MaximumMarks = 1000;

    private static readonly object Unset = new();

    private readonly List<object?> _values = [], _memo = [];
    private readonly List<int> _marks = [];

    /// <summary>Clears everything, before the next pickle of the same file.</summary>
    public void Clear()
    {
        _values.Clear();
        _memo.Clear();
        _marks.Clear();
    }

    public void Push(object? value)
    {
        budget.Charge(SlotUnits);
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
        budget.Charge(ArrayUnits + 8L * count);
        object?[] values = CollectionsMarshal.AsSpan(_values)[^count..].ToArray();
        _values.RemoveRange(_values.Count - count, count);
        return values;
    }

    /// <summary>Pops everything above the last mark, and the mark.</summary>
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
        // Writers number the memo in order. A gap is filled, and charged.
        if (index >= _memo.Count)
        {
            budget.Charge(MemoUnits * (index - _memo.Count + 1L));
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
