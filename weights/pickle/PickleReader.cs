using Iba.Engine.Files;

namespace Iba.Weights.Pickle;

/// <summary>
/// A restricted reader of Python's pickles: it creates plain data (null, bool, long, BigInteger, double, string, byte[], object?[] for a
/// tuple, List, PickleDictionary, PickleSet) and the objects of its vocabulary. It executes no code of the file: a name outside the
/// vocabulary becomes a <see cref="PickleOpaque"/>. There is no recursion, so nesting cannot overflow the stack.
/// </summary>
/// <param name="stream">The pickle's stream; it needs a length and a position, and is read exactly up to the last instruction.</param>
/// <param name="vocabulary">The known names.</param>
/// <param name="budget">Charged for every instruction and every value; the creator of a value charges it.</param>
internal sealed class PickleReader(Stream stream, IPickleVocabulary vocabulary, FileBudget budget)
{
    private readonly PickleInput _input = new(stream, budget);
    private readonly PickleStack _stack = new(budget);

    /// <summary>Reads one pickle. Files of the old container have several consecutive ones; call again for the next.</summary>
    /// <exception cref="InvalidDataException">The pickle is damaged, or requests something that is not permitted; the message says
    /// where.</exception>
    public object? Load()
    {
        _stack.Clear();
        long at = 0;
        try
        {
            while (true)
            {
                at = _input.Position;
                var opcode = (PickleOpcode)_input.Byte();
                if (opcode == PickleOpcode.Stop)
                    return _stack.Pop();
                Run(opcode);
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"its pickle is refused at byte {at}: {e.Message}", e);
        }
    }

    private void Run(PickleOpcode opcode)
    {
        budget.Charge(FileBudget.Step);
        switch (opcode)
        {
            case PickleOpcode.Proto:
                if (_input.Byte() is var protocol and > 5)
                    throw new InvalidDataException($"protocol {protocol} is newer than 5, the last one known here");
                break;
            case PickleOpcode.Frame: _input.Frame(); break;
            case PickleOpcode.Mark: _stack.Mark(); break;
            case PickleOpcode.Pop: _stack.Pop(); break;
            case PickleOpcode.PopMark: _stack.PopToMark(); break;
            case PickleOpcode.Dup: _stack.Push(_stack.Top()); break;

            case PickleOpcode.BinPut: _stack.Put(_input.Byte()); break;
            case PickleOpcode.LongBinPut: _stack.Put(_input.UInt32()); break;
            case PickleOpcode.Memoize: _stack.Memoize(); break;
            case PickleOpcode.BinGet: _stack.Get(_input.Byte()); break;
            case PickleOpcode.LongBinGet: _stack.Get(_input.UInt32()); break;

            case PickleOpcode.None: _stack.Push(null); break;
            case PickleOpcode.NewTrue: _stack.Push(true); break;
            case PickleOpcode.NewFalse: _stack.Push(false); break;
            case PickleOpcode.BinInt: _stack.Push((long)_input.Int32()); break;
            case PickleOpcode.BinInt1: _stack.Push((long)_input.Byte()); break;
            case PickleOpcode.BinInt2: _stack.Push((long)_input.UInt16()); break;
            case PickleOpcode.Int: _stack.Push(_input.DecimalInteger()); break;
            case PickleOpcode.Long1: _stack.Push(_input.Integer(_input.Byte())); break;
            case PickleOpcode.Long4: _stack.Push(_input.Integer(_input.UInt32())); break;
            case PickleOpcode.BinFloat: _stack.Push(_input.Double()); break;

            case PickleOpcode.ShortBinString: _stack.Push(_input.OldText(_input.Byte())); break;
            case PickleOpcode.BinString: _stack.Push(_input.OldText(_input.UInt32())); break;
            case PickleOpcode.ShortBinUnicode: _stack.Push(_input.Text(_input.Byte())); break;
            case PickleOpcode.BinUnicode: _stack.Push(_input.Text(_input.UInt32())); break;
            case PickleOpcode.BinUnicode8: _stack.Push(_input.Text(_input.UInt64())); break;
            case PickleOpcode.ShortBinBytes: _stack.Push(_input.Bytes(_input.Byte())); break;
            case PickleOpcode.BinBytes: _stack.Push(_input.Bytes(_input.UInt32())); break;
            case PickleOpcode.BinBytes8 or PickleOpcode.ByteArray8: _stack.Push(_input.Bytes(_input.UInt64())); break;

            case PickleOpcode.EmptyTuple: _stack.Push(Array.Empty<object?>()); break;
            case PickleOpcode.Tuple1: _stack.Push(_stack.Pop(1)); break;
            case PickleOpcode.Tuple2: _stack.Push(_stack.Pop(2)); break;
            case PickleOpcode.Tuple3: _stack.Push(_stack.Pop(3)); break;
            case PickleOpcode.Tuple: _stack.Push(_stack.PopToMark()); break;
            case PickleOpcode.EmptyList: _stack.Push(Charged(new List<object?>(), FileBudget.Object)); break;
            case PickleOpcode.Append: Append(_stack.Pop(1)); break;
            case PickleOpcode.Appends: Append(_stack.PopToMark()); break;
            case PickleOpcode.EmptyDict: _stack.Push(Charged(new PickleDictionary(), PickleDictionary.Units)); break;
            case PickleOpcode.SetItem: SetItems(_stack.Pop(2)); break;
            case PickleOpcode.SetItems: SetItems(_stack.PopToMark()); break;
            case PickleOpcode.EmptySet: _stack.Push(Charged(new PickleSet(), PickleSet.Units)); break;
            case PickleOpcode.AddItems: AddItems(_stack.PopToMark()); break;
            case PickleOpcode.FrozenSet:
                object?[] items = _stack.PopToMark();
                _stack.Push(Charged(new PickleSet(), PickleSet.Units));
                AddItems(items);
                break;

            case PickleOpcode.Global: _stack.Push(vocabulary.Global(_input.Line(), _input.Line())); break;
            case PickleOpcode.StackGlobal: _stack.Push(StackGlobal()); break;
            case PickleOpcode.BinPersistentId: _stack.Push(vocabulary.Persistent(_stack.Pop())); break;
            case PickleOpcode.Reduce or PickleOpcode.NewObj: _stack.Push(Call(_stack.Pop(2))); break;
            // Keyword arguments: only unknown classes take them.
            case PickleOpcode.NewObjEx: _stack.Push(Call(_stack.Pop(3)[..2])); break;
            case PickleOpcode.Build:
                object? state = _stack.Pop();
                vocabulary.Build(_stack.Top(), state);
                break;
            default:
                throw new InvalidDataException($"instruction 0x{(byte)opcode:x2} is not one that PyTorch writes");
        }
    }

    private void Append(object?[] items)
    {
        // A list doubles its capacity: at most two new slots and two old ones for each item.
        budget.Charge(32L * items.Length);
        (_stack.Top() switch
        {
            List<object?> list => list,
            PickleOpaque opaque => opaque.Elements ??= Charged(new List<object?>(), FileBudget.Object),
            var other => throw NoCollection(other, "list"),
        }).AddRange(items);
    }

    private void SetItems(object?[] items)
    {
        PickleDictionary dictionary = _stack.Top() switch
        {
            PickleDictionary plain => plain,
            PickleOpaque opaque => opaque.Items ??= Charged(new PickleDictionary(), PickleDictionary.Units),
            var other => throw NoCollection(other, "dict"),
        };
        if (items.Length % 2 != 0)
            throw new InvalidDataException("a dictionary is given a key without a value");
        for (int i = 0; i < items.Length; i += 2)
            dictionary.Set(items[i], items[i + 1], budget);
    }

    private void AddItems(object?[] items)
    {
        PickleSet set = _stack.Top() as PickleSet ?? throw NoCollection(_stack.Top(), "set");
        foreach (object? item in items)
            set.Add(item, budget);
    }

    private object StackGlobal() => _stack.Pop(2) is [string module, string name]
        ? vocabulary.Global(module, name)
        : throw new InvalidDataException("a global is named by something that is no text");

    private object Call(object?[] call)
    {
        budget.Charge(FileBudget.Object);
        return call switch
        {
            [PickleFunction function, object?[] arguments] => function(arguments, budget),
            [PickleOpaque opaque, var arguments] => new PickleOpaque(opaque.Name) { Arguments = arguments },
            _ => throw new InvalidDataException($"it calls a value of type {PickleValue.TypeName(call[0])}, which is no function"),
        };
    }

    private T Charged<T>(T value, int units)
    {
        budget.Charge(units);
        return value;
    }

    private static InvalidDataException NoCollection(object? value, string name) =>
        new($"items are added to a {PickleValue.TypeName(value)}, which is no {name}");
}
