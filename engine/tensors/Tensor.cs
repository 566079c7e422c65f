using System.Diagnostics;

namespace Iba.Engine.Tensors;

/// <summary>
/// A contiguous array of a given shape and element type, in a device's memory. A tensor has no history: a <c>Value</c> has.
/// Several tensors may share one storage (an arena), each at its own offset. A tensor always lies inside its storage.
/// </summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed record Tensor
{
    /// <param name="shape">The extents.</param>
    /// <param name="storage">The device's memory.</param>
    /// <param name="offset">Where the tensor begins in the storage, in elements.</param>
    /// <param name="element">The elements' type.</param>
    /// <exception cref="ShapeException">The shape has no axes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor exceeds the storage.</exception>
    public Tensor(Shape shape, IStorage storage, long offset = 0, Element element = Element.Float32)
    {
        ArgumentNullException.ThrowIfNull(storage);
        if (shape.Count < 1)
            throw new ShapeException("a tensor", "its shape has no extent", "Give it at least one extent.");
        long room = element == Element.Float32 ? storage.Count : Math.Min(storage.Count, long.MaxValue / 2) * 2;
        if (offset < 0 || offset > room - shape.Count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"a tensor {shape} from number {offset} on does not lie inside its storage of {storage.Count} numbers.");
        }
        (Shape, Storage, Offset, Element) = (shape, storage, offset, element);
    }

    /// <summary>The extents.</summary>
    public Shape Shape { get; }

    /// <summary>The device's memory.</summary>
    public IStorage Storage { get; }

    /// <summary>Where the tensor begins in the storage, in elements.</summary>
    public long Offset { get; }

    /// <summary>The elements' type.</summary>
    public Element Element { get; }

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Shape} {Element} on {Storage}";

    /// <summary>A tensor that has a shape and no memory, for code that only infers shapes. Every verb refuses it.</summary>
    public static Tensor WithoutData(Shape shape) => new(shape, NoStorage.Instance);

    /// <summary>A tensor of another shape that begins <paramref name="offset"/> elements into this one and shares its memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The view exceeds this tensor.</exception>
    public Tensor View(long offset, Shape shape)
    {
        if (offset < 0 || offset > (long)Shape.Count - shape.Count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"a view {shape} from number {offset} on does not lie inside the tensor {Shape} of {Shape.Count} numbers.");
        }
        return new Tensor(shape, Storage, Offset + offset, Element);
    }

    /// <summary>A tensor of another shape and element type in the memory of this float32 one.</summary>
    /// <param name="element">The elements' type.</param>
    /// <param name="offset">Where it begins, in this tensor's elements.</param>
    /// <param name="shape">The extents.</param>
    /// <exception cref="ArgumentOutOfRangeException">It exceeds this tensor.</exception>
    public Tensor As(Element element, long offset, Shape shape) => element == Element
        ? View(offset, shape)
        : new Tensor(shape, View(offset, new Shape((int)element.Floats(shape.Count))).Storage, (Offset + offset) * sizeof(float) / element.Bytes, element);

    /// <summary>
    /// Images <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1 of the batch, sharing memory.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The batch has no such images.</exception>
    public Tensor Rows(int first, int count)
    {
        if (first < 0 || count < 1 || first > Shape.N - count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(first), first, $"{count} rows from row {first} on do not lie inside the tensor {Shape}, whose rows are 0 to {Shape.N - 1}.");
        }
        return View((long)first * Shape.Row, Shape.WithN(count));
    }

    private sealed class NoStorage : IStorage
    {
        public static readonly NoStorage Instance = new();

        public long Count => long.MaxValue;

        public override string ToString() => "no device";

        public void Dispose()
        {
        }
    }
}

/// <summary>A device's memory behind tensors. Only the backend that allocated it can read it.</summary>
public interface IStorage : IDisposable
{
    /// <summary>The number of float32 elements that it can hold.</summary>
    long Count { get; }
}
