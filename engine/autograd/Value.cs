using System.Diagnostics;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>A tensor with a history: one line of a tape.</summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class Value
{
    private Tensor? _data;
    private bool _outlasts = true;

    internal Value(Tape tape, int line, string name, Op? op, Value[] inputs, Shape shape, Element element, Tensor? data, bool wantsGradient)
    {
        (Tape, Line, Name, Op, Inputs, Shape, Element, WantsGradient) = (tape, line, name, op, inputs, shape, element, wantsGradient);
        _data = data;
    }

    /// <summary>The tape that has this line.</summary>
    public Tape Tape { get; }

    /// <summary>The line's index on its tape.</summary>
    public int Line { get; }

    /// <summary>The name: a layer's in torchvision's spelling, a leaf's own, or else the op's.</summary>
    public string Name { get; private set; }

    /// <summary>The op that computes it; null for a leaf.</summary>
    public Op? Op { get; }

    /// <summary>The op's inputs.</summary>
    public IReadOnlyList<Value> Inputs { get; }

    /// <summary>The extents of its data.</summary>
    public Shape Shape { get; }

    /// <summary>The type of its data's elements, and of its gradient's.</summary>
    public Element Element { get; }

    /// <summary>Float32 numbers that take as much memory as its data.</summary>
    internal long Floats => Element.Floats(Shape.Count);

    /// <summary>Whether a gradient with respect to it, or to a value it depends on, is needed.</summary>
    public bool WantsGradient { get; }

    /// <summary>The elements. On a planned tape leaves, the loss and the values named in the plan outlast a run.</summary>
    /// <exception cref="InvalidOperationException">The tape has not run yet, or it is planned and the memory was reused.</exception>
    public Tensor Data
    {
        get
        {
            if (_data is null)
                throw new InvalidOperationException($"'{Name}' has no numbers yet: call Forward on its tape first.");
            if (!_outlasts && !Tape.IsRunning)
            {
                throw new InvalidOperationException(
                    $"the numbers of '{Name}' are gone: its tape is planned and uses their memory again."
                    + " Name it among what Plan is to keep, or leave Plan out.");
            }
            return _data;
        }
    }

    /// <summary>Memory for its data or gradient.</summary>
    /// <param name="arena">The arena, float32.</param>
    /// <param name="offset">Where it begins in the arena.</param>
    internal Tensor In(Tensor arena, long offset) => arena.As(Element, offset, Shape);

    /// <summary>The op's input with index <paramref name="input"/>.</summary>
    public Value this[int input] => Inputs[input];

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Line}: {Name} {Shape} {Element}{(_data is null ? "" : $" on {_data.Storage}")}";

    /// <summary>Names the line, so that <see cref="Tape.this[string]"/> finds it.</summary>
    public Value Named(string name)
    {
        Name = name;
        return this;
    }

    /// <summary>Assigns the memory, and whether its contents outlast a run.</summary>
    internal void Place(Tensor data, bool outlasts) => (_data, _outlasts) = (data, outlasts);

    /// <summary>Its data.</summary>
    public static implicit operator Tensor(Value value) => value.Data;

    /// <inheritdoc/>
    public override string ToString()
    {
        string what = Op is null || Op.ToString() == Name ? Name : $"{Name} = {Op}";
        return $"{Line,4}  {what,-64} {Shape,-20} {string.Join(", ", Inputs.Select(input => input.Line))}";
    }
}
