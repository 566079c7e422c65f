using System.Diagnostics;
using Iba.Engine.Files;

namespace Iba.Weights;

/// <summary>One tensor of a state dict. Its elements are read from the file on each request and not cached.</summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class StateDictEntry
{
    private readonly ITensorSource _source;

    internal StateDictEntry(string name, ElementType type, string typeName, IReadOnlyList<int> shape, ITensorSource source) =>
        (Name, Type, TypeName, Shape, _source) = (name, type, typeName, shape, source);

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Name} ({string.Join(", ", Shape)}) {Type}";

    /// <summary>The name, without what <see cref="StateDict.Unwrapped"/> removed.</summary>
    public string Name { get; }

    /// <summary>The element type in the file.</summary>
    public ElementType Type { get; }

    /// <summary>The type in the file's spelling, also if it is <see cref="ElementType.Other"/>.</summary>
    public string TypeName { get; }

    /// <summary>Extents, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>Whether it is measured, not trained: a batch norm's running mean or variance, or its batch count.</summary>
    public bool IsBuffer => Name.EndsWith("running_mean", StringComparison.Ordinal) || Name.EndsWith("running_var", StringComparison.Ordinal)
        || Name.EndsWith("num_batches_tracked", StringComparison.Ordinal);

    /// <summary>The elements of a floating point tensor as float32, in C order.</summary>
    /// <param name="cancel">Cancels the reading between chunks.</param>
    /// <exception cref="FileFormatException">The elements are not floating point values, or the file is damaged here.</exception>
    public float[] Read(CancellationToken cancel = default) => _source.Floats(cancel);

    /// <summary>Rows of the outermost axis as float32, in C order, so that a large tensor can pass through a small buffer.</summary>
    /// <param name="first">The first row, from 0.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="cancel">Cancels the reading between chunks.</param>
    /// <exception cref="FileFormatException">The elements are not floating point values, or the file is damaged here.</exception>
    public float[] ReadRows(int first, int count, CancellationToken cancel = default)
    {
        if (Shape.Count == 0 || first < 0 || count < 0 || count > Shape[0] - first)
            throw new ArgumentOutOfRangeException(nameof(count), $"{this} has no {count} rows from {first}");
        return _source.Floats(first, count, cancel);
    }

    /// <summary>The raw elements, little-endian, in C order.</summary>
    /// <param name="cancel">Cancels the reading between chunks.</param>
    /// <exception cref="FileFormatException">The file is damaged here.</exception>
    public byte[] ReadBytes(CancellationToken cancel = default) => _source.Bytes(cancel);

    /// <summary>Whether the elements lie one behind the other in the file. If not, reading takes many times as long.</summary>
    internal bool IsContiguous => _source.IsContiguous;

    /// <summary>The entry for people: <c>conv1.weight F32 (64, 3, 7, 7)</c>.</summary>
    public override string ToString() => $"{Name} {TypeName} ({string.Join(", ", Shape)})";

    /// <summary>The same tensor under another name.</summary>
    internal StateDictEntry Named(string name) => new(name, Type, TypeName, Shape, _source);
}

/// <summary>The source of one entry's elements.</summary>
internal interface ITensorSource
{
    bool IsContiguous { get; }
    float[] Floats(CancellationToken cancel);
    float[] Floats(int firstRow, int rows, CancellationToken cancel);
    byte[] Bytes(CancellationToken cancel);
}
