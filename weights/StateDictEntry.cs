using Engine.Files;

namespace Weights;

/// <summary>One tensor of a state dict. Its numbers are read from the file each time they are asked for, and not kept.</summary>
public sealed class StateDictEntry
{
    private readonly Func<float[]> _floats;
    private readonly Func<byte[]> _bytes;

    internal StateDictEntry(string name, ElementType type, int[] shape, Func<float[]> floats, Func<byte[]> bytes) =>
        (Name, Type, Shape, _floats, _bytes) = (name, type, shape, floats, bytes);

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
    public float[] Read() => _floats();

    /// <summary>The elements as they are, little-endian, in C order.</summary>
    /// <exception cref="FileFormatException">The file is damaged here.</exception>
    public byte[] ReadBytes() => _bytes();

    /// <summary>The entry as a person reads it: <c>conv1.weight F32 (64, 3, 7, 7)</c>.</summary>
    public override string ToString() => $"{Name} {Type} ({string.Join(", ", Shape)})";
}
