using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Iba.Engine.Files;

/// <summary>
/// A .safetensors file, open for reading: 8 bytes of header length, a JSON header, then the tensors' bytes, little-endian and in C order.
/// Opening reads the file once, into memory, and checks the whole header; elements are converted on request. Reading is safe from several
/// threads at once.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int ChunkBytes = 1 << 18;
    /// <summary>
    /// Metadata key of the SHA-256 of the whole file, computed with its own 64 hexadecimal digits replaced by zeros. If a file has one,
    /// <see cref="Open(FileSource, CancellationToken)"/> checks it.
    /// </summary>
    public const string ChecksumKey = "checksum";

    private const string Advice = "The file is damaged or no .safetensors file; fetch or write it again.";

    private readonly FileContents _contents;
    private readonly long _dataStart;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(string path, FileContents contents, SafetensorsHeader header, long dataStart)
    {
        (Path, _contents, _header, _dataStart) = (path, contents, header, dataStart);
        _byName = header.Entries.ToDictionary(entry => entry.Name);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors, in the order of the header.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;

    /// <summary>The header's <c>__metadata__</c>; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>The tensor with that name.</summary>
    /// <exception cref="FileFormatException">There is none.</exception>
    public SafetensorsEntry this[string name] => _byName.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw new FileFormatException(Path, $"it holds no tensor named '{name}'", "Check that this is the file you meant.");

    /// <summary>Opens a file and validates its header.</summary>
    /// <exception cref="FileFormatException">It is not a valid .safetensors file.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafetensorsFile Open(FileSource source, CancellationToken cancel = default) =>
        Open(source.Name, source.Read(cancel: cancel), cancel);

    /// <summary>Validates the header of a file that is already in memory.</summary>
    /// <param name="path">Where the file came from, for messages.</param>
    /// <param name="contents">Its bytes; disposed with the result, or if this fails.</param>
    /// <param name="cancel">Cancels the reading of the header.</param>
    /// <exception cref="FileFormatException">It is not a valid .safetensors file.</exception>
    public static SafetensorsFile Open(string path, FileContents contents, CancellationToken cancel = default)
    {
        try
        {
            if (contents.Length < 10)
                throw new InvalidDataException($"{contents.Length} bytes are too few for a safetensors file");
            Span<byte> prefix = stackalloc byte[8];
            contents.Read(prefix, 0);
            byte[] json = new byte[SafetensorsHeader.Length(BinaryPrimitives.ReadUInt64LittleEndian(prefix), contents.Length)];
            contents.Read(json, 8);
            long dataStart = 8 + json.Length;
            var budget = new FileBudget(contents.Length, cancel);
            SafetensorsHeader header = SafetensorsHeader.Parse(json, contents.Length - dataStart, budget);
            if (header.Metadata.TryGetValue(ChecksumKey, out string? checksum))
                SafetensorsChecksum.Check(checksum, contents, json, cancel);
            return new SafetensorsFile(path, contents, header, dataStart);
        }
        catch (InvalidDataException e)
        {
            contents.Dispose();
            throw new FileFormatException(path, e.Message, Advice, e);
        }
        catch
        {
            contents.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 of the whole file, as it was read, as 64 lower-case hexadecimal digits.</summary>
    public string Sha256(CancellationToken cancel = default) => _contents.Sha256(cancel);

    /// <summary>Whether the file has a tensor with that name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out SafetensorsEntry? entry) => _byName.TryGetValue(name, out entry);

    /// <summary>A floating point tensor (F32, F16, BF16, F64) as float32, in C order.</summary>
    /// <exception cref="FileFormatException">No such tensor, or its elements are not floating point numbers.</exception>
    public float[] ReadFloats(string name, CancellationToken cancel = default) =>
        ReadFloats(name, 0, Length(this[name], this[name].Count), cancel);

    /// <summary>A part of a floating point tensor as float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="first">Index of the part's first element, in C order.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="cancel">Cancels the reading between chunks.</param>
    /// <exception cref="FileFormatException">No such tensor, or its elements are not floating point numbers.</exception>
    public float[] ReadFloats(string name, long first, int count, CancellationToken cancel = default)
    {
        SafetensorsEntry entry = this[name];
        if (!entry.Type.IsFloating)
            throw WrongType(entry, "floating point numbers");
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, entry.Count - first);
        float[] values = new float[count];
        int step = ChunkBytes / entry.Type.Size;
        byte[] chunk = new byte[Math.Min(step, count) * entry.Type.Size];
        for (int at = 0; at < count; at += step)
        {
            cancel.ThrowIfCancellationRequested();
            Span<float> part = values.AsSpan(at, Math.Min(step, count - at));
            Span<byte> bytes = chunk.AsSpan(0, part.Length * entry.Type.Size);
            Read(entry, bytes, (first + at) * entry.Type.Size);
            entry.Type.ToFloats(bytes, part);
        }
        return values;
    }

    /// <summary>An F64 tensor in C order.</summary>
    /// <exception cref="FileFormatException">No such tensor, or another type.</exception>
    public double[] ReadDoubles(string name) => ReadExact<double>(
        name, ElementType.F64, value => BitConverter.Int64BitsToDouble(BinaryPrimitives.ReverseEndianness(BitConverter.DoubleToInt64Bits(value))));

    /// <summary>An I64 tensor in C order.</summary>
    /// <exception cref="FileFormatException">No such tensor, or another type.</exception>
    public long[] ReadInt64(string name) => ReadExact<long>(name, ElementType.I64, BinaryPrimitives.ReverseEndianness);

    /// <summary>An I32 tensor in C order.</summary>
    /// <exception cref="FileFormatException">No such tensor, or another type.</exception>
    public int[] ReadInt32(string name) => ReadExact<int>(name, ElementType.I32, BinaryPrimitives.ReverseEndianness);

    /// <summary>A BOOL tensor in C order; every byte other than 0 is true.</summary>
    /// <exception cref="FileFormatException">No such tensor, or another type.</exception>
    public bool[] ReadBools(string name) =>
        this[name].Type == ElementType.BOOL
            ? Array.ConvertAll(ReadBytes(name), b => b != 0)
            : throw WrongType(this[name], "booleans");

    /// <summary>A tensor's bytes as stored in the file, whatever its type.</summary>
    /// <exception cref="FileFormatException">No such tensor.</exception>
    public byte[] ReadBytes(string name)
    {
        SafetensorsEntry entry = this[name];
        byte[] bytes = new byte[Length(entry, entry.End - entry.Begin)];
        Read(entry, bytes, 0);
        return bytes;
    }

    /// <summary>Writes a file atomically. The same tensors and metadata give the same bytes.</summary>
    /// <param name="path">Where to write; an older file is replaced.</param>
    /// <param name="tensors">The tensors, in the header's order. Their data is requested one tensor at a time.</param>
    /// <param name="metadata">Keys and values of <c>__metadata__</c>; written in ordinal order of the keys.</param>
    /// <param name="withChecksum">Whether to add a checksum; every tensor's data is then requested twice.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="ArgumentException">Two tensors share a name, or a tensor's data does not fit its shape.</exception>
    public static void Write(string path, IReadOnlyList<SafetensorsTensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null, bool withChecksum = false,
        CancellationToken cancel = default)
    {
        var facts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        if (withChecksum)
            facts[ChecksumKey] = SafetensorsChecksum.Blank;
        AtomicFile.Write(path, stream => SafetensorsTensor.WriteAll(stream, tensors, facts), cancel);
    }

    /// <summary>The bytes of a file. The same tensors and metadata give the same bytes.</summary>
    /// <param name="tensors">The tensors, in the header's order.</param>
    /// <param name="metadata">Keys and values of <c>__metadata__</c>; written in ordinal order of the keys.</param>
    /// <exception cref="ArgumentException">Two tensors share a name, or a tensor's data does not fit its shape.</exception>
    public static byte[] Bytes(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var stream = new MemoryStream();
        SafetensorsTensor.WriteAll(stream, tensors, metadata);
        return stream.ToArray();
    }

    /// <summary>Frees the file's bytes; tensors can no longer be read.</summary>
    public void Dispose() => _contents.Dispose();

    private T[] ReadExact<T>(string name, ElementType type, Func<T, T> reverse) where T : unmanaged
    {
        SafetensorsEntry entry = this[name];
        if (entry.Type != type)
            throw WrongType(entry, $"{type} elements");
        T[] values = new T[Length(entry, entry.Count)];
        for (int at = 0, step = ChunkBytes; at < values.Length; at += step)
        {
            Span<T> part = values.AsSpan(at, Math.Min(step, values.Length - at));
            Read(entry, MemoryMarshal.AsBytes(part), (long)at * type.Size);
        }
        return BitConverter.IsLittleEndian ? values : Array.ConvertAll(values, v => reverse(v));
    }

    private void Read(SafetensorsEntry entry, Span<byte> to, long at) => _contents.Read(to, _dataStart + entry.Begin + at);

    private int Length(SafetensorsEntry entry, long length) =>
        length <= Array.MaxLength
            ? (int)length
            : throw new FileFormatException(Path, $"tensor {entry} has more elements than one array can hold", "Split it when writing.");

    private FileFormatException WrongType(SafetensorsEntry entry, string wanted) =>
        new(Path, $"tensor {entry} does not hold {wanted}", "Check that this is the file you meant.");
}
