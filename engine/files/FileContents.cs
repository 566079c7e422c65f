using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Iba.Engine.Files;

/// <summary>
/// A file's bytes in memory. The file is read once, from start to end, so the hash and every value come from the same bytes even if the
/// file changes later. Pipes, FIFOs and standard input work like files. Reading is safe from several threads at once.
/// </summary>
public sealed class FileContents : IDisposable
{
    private const int BlockBytes = 1 << 24, ChunkBytes = 1 << 20;

    /// <summary>Upper bound of the bytes that are read from an endless stream.</summary>
    private const long LongestStream = 1L << 32;

    private readonly List<Block> _blocks = [];
    private string? _sha256;

    private FileContents()
    {
    }

    /// <summary>Number of bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Reads a file, a pipe or a device.</summary>
    /// <param name="path">What to read.</param>
    /// <param name="accept">Checks the first bytes (1 MiB, or all of a shorter file) and throws if the file cannot be used.</param>
    /// <param name="most">Upper bound of the bytes.</param>
    /// <param name="cancel">Cancels the reading, also while a pipe has no writer yet.</param>
    /// <exception cref="FileFormatException">It is too large, or was truncated while it was read.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Reading it is not permitted.</exception>
    public static FileContents Read(
        string path, Action<ReadOnlySpan<byte>>? accept = null, long most = long.MaxValue, CancellationToken cancel = default)
    {
        // Opening a FIFO and reading from a pipe block in the operating system; cancellation must end the wait all the same.
        try
        {
            return Abandonable.Run(() =>
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
                return Read(file, file.CanSeek ? file.Length : null, accept, most, cancel);
            }, cancel);
        }
        catch (InvalidDataException e)
        {
            throw new FileFormatException(path, e.Message, "Check the file and try again.", e);
        }
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="from">The stream. It is not disposed.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="accept">Checks the first bytes (1 MiB, or all of a shorter stream) and throws if they cannot be used.</param>
    /// <param name="most">Upper bound of the bytes.</param>
    /// <param name="cancel">Checked between reads.</param>
    /// <exception cref="FileFormatException">It is too large.</exception>
    internal static FileContents Read(Stream from, string name, Action<ReadOnlySpan<byte>>? accept, long most, CancellationToken cancel)
    {
        try
        {
            return Read(from, from.CanSeek ? from.Length - from.Position : null, accept, most, cancel);
        }
        catch (InvalidDataException e)
        {
            throw new FileFormatException(name, e.Message, "Check the stream and try again.", e);
        }
    }

    /// <summary>Reads exactly <paramref name="length"/> bytes of a stream.</summary>
    /// <exception cref="InvalidDataException">The stream ends early, or the bytes do not fit into memory.</exception>
    public static FileContents Read(Stream from, long length, CancellationToken cancel = default) =>
        Read(from, length, accept: null, long.MaxValue, cancel);

    /// <summary>Copies bytes.</summary>
    /// <param name="to">Filled completely.</param>
    /// <param name="at">Index of the first byte.</param>
    /// <exception cref="InvalidDataException">The range exceeds the file.</exception>
    /// <exception cref="ObjectDisposedException">The contents were disposed.</exception>
    public void Read(Span<byte> to, long at)
    {
        if (at < 0 || at > Length || to.Length > Length - at)
            throw new InvalidDataException($"it ends at byte {Length}, {to.Length} bytes from byte {at} are needed");
        while (to.Length > 0)
        {
            (long block, long offset) = Math.DivRem(at, BlockBytes);
            int part = (int)Math.Min(to.Length, BlockBytes - offset);
            _blocks[(int)block].ReadSpan((ulong)offset, to[..part]);
            to = to[part..];
            at += part;
        }
    }

    /// <summary>Copies elements that are a fixed number of bytes apart.</summary>
    /// <param name="to">Filled completely: a multiple of <paramref name="size"/>.</param>
    /// <param name="at">Index of the first element's first byte.</param>
    /// <param name="stride">Bytes from one element to the next, at least 0.</param>
    /// <param name="size">Bytes of an element: 1, 2, 4, 8 or 16.</param>
    /// <exception cref="InvalidDataException">An element exceeds the file.</exception>
    /// <exception cref="ObjectDisposedException">The contents were disposed.</exception>
    public void Read(Span<byte> to, long at, long stride, int size)
    {
        switch (size)
        {
            case 1: Gather<byte>(to, at, stride); break;
            case 2: Gather<ushort>(to, at, stride); break;
            case 4: Gather<uint>(to, at, stride); break;
            case 8: Gather<ulong>(to, at, stride); break;
            case 16: Gather<UInt128>(to, at, stride); break;
            default: throw new ArgumentOutOfRangeException(nameof(size), size, "elements have 1, 2, 4, 8 or 16 bytes");
        }
    }

    /// <summary>SHA-256 of the bytes as 64 lower-case hexadecimal digits.</summary>
    public string Sha256(CancellationToken cancel = default)
    {
        if (_sha256 is { } known)
            return known;
        using var hash = new Sha256Hash();
        byte[] chunk = new byte[Math.Min(ChunkBytes, Length)];
        for (long at = 0; at < Length; at += chunk.Length)
        {
            cancel.ThrowIfCancellationRequested();
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, Length - at));
            Read(part, at);
            hash.Add(part);
        }
        return _sha256 = Convert.ToHexStringLower(hash.Take());
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _blocks.ForEach(block => block.Dispose());

    private void Gather<T>(Span<byte> to, long at, long stride) where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>(), count = to.Length / size;
        if (count > 0 && (at < 0 || stride < 0 || at + (Int128)(count - 1) * stride + size > Length))
            throw new InvalidDataException($"it ends at byte {Length}, {count} elements {stride} bytes apart from byte {at} are needed");
        for (int i = 0; i < count;)
        {
            (long block, long offset) = Math.DivRem(at, BlockBytes);
            // How many elements lie inside this block. One that crosses its end is copied in parts.
            long inside = BlockBytes - size - offset;
            int part = inside < 0 ? 0 : stride == 0 ? count - i : (int)Math.Min(count - i, inside / stride + 1);
            if (part == 0)
                Read(to.Slice(i * size, size), at);
            else
                _blocks[(int)block].Gather<T>(to.Slice(i * size, part * size), offset, stride);
            i += Math.Max(part, 1);
            at += Math.Max(part, 1) * stride;
        }
    }

    /// <param name="from">The stream.</param>
    /// <param name="length">Its bytes; null if only its end tells.</param>
    /// <param name="accept">Checks the first bytes.</param>
    /// <param name="bound">Upper bound of the bytes.</param>
    /// <param name="cancel">Checked between reads.</param>
    private static FileContents Read(Stream from, long? length, Action<ReadOnlySpan<byte>>? accept, long bound, CancellationToken cancel)
    {
        long most = length ?? Math.Min(bound, LongestStream);
        var contents = new FileContents();
        try
        {
            if (length > bound)
                throw new InvalidDataException($"it has {length} bytes, and at most {bound} are read");
            if (length > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
                throw new InvalidDataException($"its {length} bytes do not fit into the memory of this machine");
            contents.Fill(from, most, accept, cancel);
            if (length is null && contents.Length == most)
                throw new InvalidDataException($"it does not end within {most} bytes");
            return contents.Length == (length ?? contents.Length)
                ? contents
                : throw new InvalidDataException($"it ends at byte {contents.Length}, {length} were expected");
        }
        catch
        {
            contents.Dispose();
            throw;
        }
    }

    /// <summary>Reads until the stream ends or <paramref name="most"/> bytes are there. Every block but the last is full.</summary>
    private void Fill(Stream from, long most, Action<ReadOnlySpan<byte>>? accept, CancellationToken cancel)
    {
        byte[] chunk = new byte[Math.Min(ChunkBytes, most)];
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, most - Length));
            part = part[..from.ReadAtLeast(part, part.Length, throwOnEndOfStream: false)];
            if (Length == 0)
                accept?.Invoke(part);
            if (part.Length == 0)
                return;
            // The block size is a multiple of the chunk size, so a chunk never crosses blocks.
            long offset = Length % BlockBytes;
            if (offset == 0)
                _blocks.Add(new Block((int)Math.Min(BlockBytes, most - Length)));
            _blocks[^1].WriteSpan<byte>((ulong)offset, part);
            Length += part.Length;
        }
    }

    /// <summary>Memory outside the managed heap: disposing it returns it to the system at once, not at some later collection.</summary>
    private sealed class Block : SafeBuffer
    {
        public unsafe Block(int bytes) : base(ownsHandle: true)
        {
            SetHandle((nint)NativeMemory.Alloc((nuint)bytes));
            Initialize((ulong)bytes);
        }

        /// <summary>Copies elements that lie inside the block. The pointer is acquired once, so they are not checked one by one.</summary>
        public unsafe void Gather<T>(Span<byte> to, long offset, long stride) where T : unmanaged
        {
            byte* from = null;
            AcquirePointer(ref from);
            try
            {
                from += offset;
                for (int i = 0; i < to.Length; i += sizeof(T), from += stride)
                    Unsafe.WriteUnaligned(ref to[i], Unsafe.ReadUnaligned<T>(from));
            }
            finally
            {
                ReleasePointer();
            }
        }

        protected override unsafe bool ReleaseHandle()
        {
            NativeMemory.Free((void*)handle);
            return true;
        }
    }
}
