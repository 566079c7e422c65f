using Engine.Tensors;

namespace Engine.Autograd;

/// <summary>A tensor with a history: one line of a tape.</summary>
public sealed class Value
{
    private Tensor? _data;
    private bool _outlasts = true;

    internal Value(Tape tape, int line, string name, Op? op, Value[] inputs, Shape shape, Tensor? data, bool wantsGradient)
    {
        (Tape, Line, Name, Op, Inputs, Shape, WantsGradient) = (tape, line, name, op, inputs, shape, wantsGradient);
        _data = data;
    }

    /// <summary>The tape this line stands on.</summary>
    public Tape Tape { get; }

    /// <summary>The line's number on its tape.</summary>
    public int Line { get; }

    /// <summary>What people call it: a layer's name in torchvision's spelling, a leaf's own name, or else the op.</summary>
    public string Name { get; private set; }

    /// <summary>What made it; null for a leaf.</summary>
    public Op? Op { get; }

    /// <summary>What it was made from.</summary>
    public IReadOnlyList<Value> Inputs { get; }

    /// <summary>The extents of its data.</summary>
    public Shape Shape { get; }

    /// <summary>Whether a gradient with respect to it, or to something it was made from, is wanted.</summary>
    public bool WantsGradient { get; }

    /// <summary>The numbers. On a planned tape leaves, the loss and what was named to be kept outlast a run.</summary>
    /// <exception cref="InvalidOperationException">The tape has not run yet, or it is planned and the memory was used again.</exception>
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

    /// <summary>Input number <paramref name="input"/>.</summary>
    public Value this[int input] => Inputs[input];

    /// <summary>Gives the line a name, by which <see cref="Tape.this[string]"/> finds it.</summary>
    public Value Named(string name)
    {
        Name = name;
        return this;
    }

    /// <summary>Says where its numbers are, and whether they outlast a run.</summary>
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
