using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using Iba.Engine.Files;
using Iba.Weights.Torch;

namespace Iba.Weights.Containers;

/// <summary>One file of a zip archive.</summary>
internal sealed record ZipEntry(string Name, bool Deflated, long CompressedLength, long Length, long HeaderAt);

/// <summary>
/// The central directory of a zip archive, with zip64. It is not read by a library because storages are read from the middle, by several
/// readers at once, and because no field of the archive is trusted beyond the file's actual bytes.
/// </summary>
internal sealed class ZipDirectory : IDisposable
{
    private const int EndLength = 22, EntryLength = 46, LocalLength = 30, MaximumComment = ushort.MaxValue;
    private const int MaximumDirectory = 1 << 24, BombRatio = 20;

    // Deflate grows by an eighth at worst; a file of empty blocks costs much time for each byte and unpacks to nothing.
    private const int GrowthRatio = 2, FreeGrowth = 1 << 16;

    private readonly FileContents _file;
    private readonly FileBudget _budget;
    private readonly Dictionary<string, ZipEntry> _entries = [];
    private readonly ConcurrentDictionary<string, Lazy<FileContents>> _inflated = [];

    /// <param name="file">The archive; disposed with this.</param>
    /// <param name="budget">Charged for the directory and its entries.</param>
    /// <exception cref="InvalidDataException">The archive is damaged, truncated, encrypted, or a zip bomb.</exception>
    public ZipDirectory(FileContents file, FileBudget budget)
    {
        (_file, _budget) = (file, budget);
        (long at, long length) = FindDirectory();
        budget.Charge(length);
        Read(Bytes(at, length));
        // PyTorch stores without compression; a file repacked by hand shrinks a little, never 20 times. Overlapping entries are detected
        // here, too.
        if (_entries.Values.Aggregate((Int128)0, (sum, entry) => sum + entry.Length) > (Int128)_file.Length * BombRatio)
            throw new InvalidDataException($"it would unpack to more than {BombRatio} times its size, as no weights do");
    }

    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    /// <summary>
    /// An entry's bytes. A deflated entry is inflated once, completely, and kept: tensors are read in any order and in parts, and inflating
    /// from its start each time would take quadratic time. All entries together are bounded by <see cref="BombRatio"/>.
    /// </summary>
    public StorageBytes Open(ZipEntry entry, CancellationToken cancel)
    {
        if (!entry.Deflated)
            return new StorageBytes(_file, DataStart(entry));
        Lazy<FileContents> inflated = _inflated.GetOrAdd(entry.Name, _ => new Lazy<FileContents>(() => Inflate(entry, cancel)));
        try
        {
            return new StorageBytes(inflated.Value, 0);
        }
        catch
        {
            // A cancelled inflation is repeated by the next caller.
            _inflated.TryRemove(new(entry.Name, inflated));
            throw;
        }
    }

    /// <summary>A small entry, completely.</summary>
    public byte[] ReadAll(ZipEntry entry, int limit)
    {
        if (entry.Length > limit)
            throw new InvalidDataException($"entry {entry.Name} of {entry.Length} bytes is larger than any state dict's");
        _budget.Charge(entry.Length);
        byte[] bytes = new byte[entry.Length];
        (FileContents contents, long start) = Open(entry, _budget.Cancel);
        contents.Read(bytes, start);
        return bytes;
    }

    /// <summary>Frees the archive and the inflated entries.</summary>
    public void Dispose()
    {
        _file.Dispose();
        foreach (Lazy<FileContents> inflated in _inflated.Values.Where(inflated => inflated.IsValueCreated))
            inflated.Value.Dispose();
    }

    private FileContents Inflate(ZipEntry entry, CancellationToken cancel)
    {
        try
        {
            using var raw = new ContentsStream(_file, DataStart(entry), entry.CompressedLength, cancel);
            using var deflate = new DeflateStream(raw, CompressionMode.Decompress);
            return FileContents.Read(deflate, entry.Length, cancel);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"entry {entry.Name} cannot be inflated: {e.Message}", e);
        }
    }

    private long DataStart(ZipEntry entry)
    {
        ReadOnlySpan<byte> local = Bytes(entry.HeaderAt, LocalLength);
        if (!local.StartsWith("PK\x3\x4"u8))
            throw new InvalidDataException($"entry {entry.Name} is not where the directory says");
        long start = entry.HeaderAt + LocalLength + UInt16(local, 26) + UInt16(local, 28);
        return entry.CompressedLength <= _file.Length - start
            ? start
            : throw new InvalidDataException($"entry {entry.Name} passes the end of the file");
    }

    private (long At, long Length) FindDirectory()
    {
        long tailAt = Math.Max(0, _file.Length - EndLength - MaximumComment);
        ReadOnlySpan<byte> tail = Bytes(tailAt, _file.Length - tailAt);
        int end = tail.LastIndexOf("PK\x5\x6"u8);
        if (end < 0 || tail.Length - end < EndLength)
            throw new InvalidDataException("the zip archive's directory at its end is missing, so the file is cut off");
        ReadOnlySpan<byte> record = tail[end..];
        (long at, long length) = (UInt32(record, 16), UInt32(record, 12));

        // zip64: a locator directly before the end record points to a record with 64-bit fields.
        long locatorAt = tailAt + end - 20;
        if (locatorAt >= 0 && Bytes(locatorAt, 20) is var locator && locator.StartsWith("PK\x6\x7"u8))
        {
            ReadOnlySpan<byte> wide = Bytes(Int64(locator, 8), 56);
            if (!wide.StartsWith("PK\x6\x6"u8))
                throw new InvalidDataException("the zip64 directory is not where the archive says");
            (at, length) = (Int64(wide, 48), Int64(wide, 40));
        }
        return length <= MaximumDirectory
            ? (at, length)
            : throw new InvalidDataException($"a zip directory of {length} bytes is larger than any state dict's");
    }

    private void Read(ReadOnlySpan<byte> directory)
    {
        while (directory.Length > 0)
        {
            if (directory.Length < EntryLength || !directory.StartsWith("PK\x1\x2"u8))
                throw new InvalidDataException("the zip directory is broken");
            int nameLength = UInt16(directory, 28), extraLength = UInt16(directory, 30), commentLength = UInt16(directory, 32);
            int length = EntryLength + nameLength + extraLength + commentLength;
            if (length > directory.Length)
                throw new InvalidDataException("the zip directory is broken");
            Add(directory[..EntryLength],
                Encoding.UTF8.GetString(directory.Slice(EntryLength, nameLength)),
                directory.Slice(EntryLength + nameLength, extraLength));
            directory = directory[length..];
        }
    }

    private void Add(ReadOnlySpan<byte> record, string name, ReadOnlySpan<byte> extra)
    {
        int flags = UInt16(record, 8), method = UInt16(record, 10);
        long compressed = UInt32(record, 20), length = UInt32(record, 24), at = UInt32(record, 42);
        // Fields that do not fit are all ones here; the zip64 extra field then contains exactly those, in this order.
        ReadOnlySpan<byte> wide = Zip64(extra);
        length = Widen(length, ref wide);
        compressed = Widen(compressed, ref wide);
        at = Widen(at, ref wide);

        if ((flags & 1) != 0)
            throw new InvalidDataException($"entry {name} is encrypted");
        if (method is not (0 or 8))
            throw new InvalidDataException($"entry {name} is packed by method {method}; only stored and deflated ones are read");
        if (compressed < 0 || compressed > _file.Length || length < 0 || (method == 0 && length != compressed))
            throw new InvalidDataException($"entry {name} claims {compressed} packed and {length} unpacked bytes");
        if (method == 8 && compressed > FreeGrowth && compressed / GrowthRatio > length)
            throw new InvalidDataException($"entry {name} is packed in {compressed} bytes and unpacks to {length}, as no weights do");
        _budget.Charge(4 * FileBudget.Object + 2 * name.Length);
        if (!_entries.TryAdd(name, new ZipEntry(name, method == 8, compressed, length, at)))
            throw new InvalidDataException($"entry {name} appears twice");
    }

    private static ReadOnlySpan<byte> Zip64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4 && UInt16(extra, 2) is var length && length <= extra.Length - 4)
        {
            if (UInt16(extra, 0) == 1)
                return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return [];
    }

    private static long Widen(long field, ref ReadOnlySpan<byte> wide)
    {
        if (field != uint.MaxValue || wide.Length < 8)
            return field;
        field = Int64(wide, 0);
        wide = wide[8..];
        return field;
    }

    private byte[] Bytes(long at, long length)
    {
        if (at < 0 || length < 0 || at > _file.Length || length > _file.Length - at)
            throw new InvalidDataException("the zip archive points outside the file, so it is cut off or broken");
        byte[] bytes = new byte[length];
        _file.Read(bytes, at);
        return bytes;
    }

    private static int UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
    private static long UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
