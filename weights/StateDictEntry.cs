using Engine.Files;

namespace Weights;

/// <summary>One tensor of a state dict. Its numbers are read from the file each time they are asked for, and not kept.</summary>
public sealed class StateDictEntry
{
    private readonly ITensorSource _source;

    internal StateDictEntry(string name, ElementType type, int[] shape, ITensorSource source) =>
        (Name, Type, Shape, _source) = (name, type, shape, source);

    /// <summary>The name, without what <see cref="StateDict.Unwrapped"/> took away.</summary>
    public string Name { get; }

    /// <summary>What the elements are in the file.</summary>
    public ElementType Type { get; }

    /// <summary>Extents, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>The elements of a floating point tensor as float32, in C order.</summary>
    /// <exception cref="FileFormatException">The elements are integers, or the file is damaged here.</exception>
    public float[] Read() => _source.Floats();

    /// <summary>Rows of the outermost axis as float32, in C order: a large tensor can pass through a small buffer.</summary>
    /// <param name="first">The first row, from 0.</param>
    /// <param name="count">How many rows.</param>
    /// <exception cref="FileFormatException">The elements are integers, or the file is damaged here.</exception>
    public float[] ReadRows(int first, int count)
    {
        if (Shape.Count == 0 || first < 0 || count < 0 || count > Shape[0] - first)
            throw new ArgumentOutOfRangeException(nameof(count), $"{this} has no {count} rows from {first}");
        return _source.Floats(first, count);
    }

    /// <summary>The elements as they are, little-endian, in C order.</summary>
    /// <exception cref="FileFormatException">The file is damaged here.</exception>
    public byte[] ReadBytes() => _source.Bytes();

    /// <summary>The entry as a person reads it: <c>conv1.weight F32 (64, 3, 7, 7)</c>.</summary>
    public override string ToString() => $"{Name} {Type} ({string.Join(", ", Shape)})";
}

/// <summary>Where the numbers of one entry come from.</summary>
internal interface ITensorSource
{
    float[] Floats();
    float[] Floats(int firstRow, int rows);
    byte[] Bytes();
}
