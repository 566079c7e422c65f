using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iba.Engine.Files;

namespace Iba.Weights.Torch;

/// <summary>A storage as a pickle names it: a run of raw elements in the container, or a part of one.</summary>
/// <param name="Key">The container's name for the whole storage.</param>
/// <param name="Type">Its element type; U8 for an untyped one.</param>
/// <param name="WholeBytes">Bytes of the whole storage, as the pickle claims.</param>
/// <param name="Start">First byte of this part; 0 for all but views of the oldest files.</param>
/// <param name="Bytes">Bytes of this part.</param>
internal sealed record StorageReference(string Key, ElementType Type, long WholeBytes, long Start, long Bytes);

/// <summary>A tensor as PyTorch stores it: a strided view of a storage.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Type">The element type.</param>
/// <param name="Offset">Elements of the storage before the first of the tensor.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Strides">Elements from one index to the next, axis by axis; 0 repeats.</param>
internal sealed record TensorView(StorageReference Storage, ElementType Type, long Offset, int[] Shape, long[] Strides)
{
    private const int MaximumRank = 64;   // PyTorch's own limit for indexing

    private const int ChunkElements = 1 << 16;

    /// <summary>Number of elements.</summary>
    public int Count => Shape.Aggregate(1, (product, extent) => product * extent);

    /// <summary>Whether the elements lie one behind the other, in C order.</summary>
    public bool IsContiguous
    {
        get
        {
            long step = 1;
            for (int axis = Shape.Length - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1 && Strides[axis] != step)
                    return false;
                step *= Shape[axis];
            }
            return true;
        }
    }

    /// <summary>Creates a view from values in a file, none of them trusted.</summary>
    /// <exception cref="InvalidDataException">The view exceeds its storage.</exception>
    public static TensorView Create(
        StorageReference storage, ElementType type, long offset, ReadOnlySpan<object?> shape, ReadOnlySpan<object?> strides)
    {
        if (shape.Length != strides.Length || shape.Length > MaximumRank)
            throw new InvalidDataException($"a tensor has {shape.Length} extents and {strides.Length} strides");
        int[] extents = new int[shape.Length];
        long[] steps = new long[shape.Length];
        Int128 count = 1, last = offset;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] is not (>= 0L and <= int.MaxValue and long extent) || strides[axis] is not (>= 0L and long step))
                throw new InvalidDataException("a tensor has an extent or a stride that is no number from 0 on");
            (extents[axis], steps[axis]) = ((int)extent, step);
            // 128 bits suffice: each term is below 2^31 x 2^63, and there are at most 64; the product is checked at every step.
            last += (Int128)Math.Max(extent - 1, 0) * step;
            count *= extent;
            if (count > Array.MaxLength)
                throw new InvalidDataException("a tensor has more elements than one array can hold");
        }
        if (offset < 0 || (count > 0 && (last + 1) * type.Size > storage.Bytes))
            throw new InvalidDataException($"a tensor reaches element {last} of a storage of {storage.Bytes / type.Size}");
        return new TensorView(storage, type, offset, extents, steps);
    }

    /// <summary>Rows of the outermost axis.</summary>
    public TensorView Rows(int first, int count) => this with { Offset = Offset + first * Strides[0], Shape = [count, .. Shape[1..]] };

    /// <summary>The elements as float32, in C order.</summary>
    public float[] ReadFloats(IStorages storages, CancellationToken cancel)
    {
        float[] values = new float[Count];
        Read(storages, (at, bytes) => Type.ToFloats(bytes, values.AsSpan(at, bytes.Length / Type.Size)), cancel);
        return values;
    }

    /// <summary>The raw elements, little-endian, in C order.</summary>
    public byte[] ReadBytes(IStorages storages, CancellationToken cancel)
    {
        long length = (long)Count * Type.Size;
        if (length > Array.MaxLength)
            throw new InvalidDataException($"a tensor has {length} bytes, more than one array can hold");
        byte[] values = new byte[length];
        Read(storages, (at, bytes) => bytes.CopyTo(values.AsSpan(at * Type.Size)), cancel);
        return values;
    }

    private delegate void Sink(int at, ReadOnlySpan<byte> elements);

    /// <summary>Yields chunk after chunk, in C order.</summary>
    private void Read(IStorages storages, Sink sink, CancellationToken cancel)
    {
        if (Count == 0)
            return;
        (FileContents contents, long start) = storages.Open(Storage, cancel);
        start += Storage.Start + Offset * Type.Size;
        byte[] chunk = new byte[Math.Min(ChunkElements, Count) * Type.Size];
        // Axes of one element do not move, and would be walked over at every element.
        int[]? moving = IsContiguous ? null : [.. Enumerable.Range(0, Shape.Length).Where(axis => Shape[axis] > 1)];
        int[] index = new int[Shape.Length];
        long from = 0;
        for (int at = 0; at < Count; at += ChunkElements)
        {
            cancel.ThrowIfCancellationRequested();
            Span<byte> part = chunk.AsSpan(0, Math.Min(ChunkElements, Count - at) * Type.Size);
            if (moving is null)
                contents.Read(part, start + (long)at * Type.Size);
            else
                Gather(contents, start, part, moving, index, ref from);
            if (storages.BigEndian)
                Reverse(part);
            sink(at, part);
        }
    }

    /// <summary>Copies the next elements in C order: runs along the innermost axis, and from run to run like an odometer.</summary>
    private void Gather(FileContents contents, long start, Span<byte> to, int[] moving, int[] index, ref long from)
    {
        int inner = moving[^1];
        while (to.Length > 0)
        {
            int run = Math.Min(Shape[inner] - index[inner], to.Length / Type.Size);
            contents.Read(to[..(run * Type.Size)], start + from * Type.Size, Strides[inner] * Type.Size, Type.Size);
            to = to[(run * Type.Size)..];
            index[inner] += run;
            from += run * Strides[inner];
            for (int i = moving.Length - 1; i >= 0 && index[moving[i]] == Shape[moving[i]]; i--)
            {
                from -= index[moving[i]] * Strides[moving[i]];
                index[moving[i]] = 0;
                if (i > 0)
                {
                    index[moving[i - 1]]++;
                    from += Strides[moving[i - 1]];
                }
            }
        }
    }

    private void Reverse(Span<byte> elements)
    {
        // Each part of a complex number is reversed.
        switch (Type is ElementType.C64 or ElementType.C128 ? Type.Size / 2 : Type.Size)
        {
            case 2: Reverse<ushort>(elements, BinaryPrimitives.ReverseEndianness); break;
            case 4: Reverse<uint>(elements, BinaryPrimitives.ReverseEndianness); break;
            case 8: Reverse<ulong>(elements, BinaryPrimitives.ReverseEndianness); break;
        }
    }

    private delegate void Reversal<T>(ReadOnlySpan<T> from, Span<T> to);

    private static void Reverse<T>(Span<byte> elements, Reversal<T> reverse) where T : unmanaged
    {
        Span<T> typed = MemoryMarshal.Cast<byte, T>(elements);
        reverse(typed, typed);
    }
}
