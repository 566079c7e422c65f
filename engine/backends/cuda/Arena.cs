namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// Allocates the device's memory. Small allocations come from blocks, first fit, and merge with free neighbours when they are freed. Large
/// ones are blocks of their own and are returned to the driver at once. Freed memory may be reused immediately: everything runs on one
/// stream, in order.
/// </summary>
internal sealed unsafe class Arena(Device device) : IDisposable
{
    /// <summary>The alignment of the widest vector access, and the driver's own granularity.</summary>
    private const long Alignment = 512;

    /// <summary>The size of a block that small allocations share.</summary>
    public const long BlockBytes = 32L << 20;

    /// <summary>Allocations of at least this many bytes are blocks of their own.</summary>
    private const long Large = 8L << 20;

    private readonly List<Block> _blocks = [];
    private readonly Dictionary<ulong, (Block? Block, long Bytes)> _pieces = [];
    private long _taken;

    /// <summary>Bytes in use, without the free parts of blocks.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Upper bound of the bytes that are taken from the driver, free parts of blocks included.</summary>
    public long Most { get; set; } = long.MaxValue;

    /// <summary>Allocates memory with undefined contents, 512-byte aligned.</summary>
    /// <param name="bytes">The size.</param>
    /// <param name="mayReclaim">
    /// Whether unreachable tensors may be collected to make room. False inside a verb, which already has its tensors' addresses.
    /// </param>
    /// <exception cref="DeviceMemoryException">The device is out of memory, or the limit is reached.</exception>
    /// <exception cref="InvalidOperationException">A loop is being captured.</exception>
    public ulong Allocate(long bytes, bool mayReclaim = false)
    {
        device.NotInCapture("allocates");
        if (Take(bytes) is { } piece)
            return piece;
        // The memory of unreachable tensors, and of blocks without allocations, may be enough.
        if (mayReclaim)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            device.Reclaim();
        }
        DropEmptyBlocks();
        return Take(bytes) ?? throw Full(bytes);
    }

    /// <summary>Frees an allocation.</summary>
    public void Free(ulong piece)
    {
        if (!_pieces.Remove(piece, out (Block? Block, long Bytes) held))
            throw new InvalidOperationException($"{piece:x} is no piece of this arena");
        UsedBytes -= held.Bytes;
        if (held.Block is null)
            ToDriver(piece, held.Bytes);
        else
            held.Block.Give(piece, held.Bytes);
    }

    /// <summary>Returns everything to the driver.</summary>
    public void Dispose()
    {
        foreach ((ulong piece, (Block? block, _)) in _pieces)
        {
            if (block is null)
                device.Driver.cuMemFree_v2(piece);
        }
        foreach (Block block in _blocks)
            device.Driver.cuMemFree_v2(block.Start);
        _pieces.Clear();
        _blocks.Clear();
    }

    private ulong Remember(ulong piece, Block? block, long bytes)
    {
        _pieces.Add(piece, (block, bytes));
        UsedBytes += bytes;
        return piece;
    }

    private ulong? Take(long bytes)
    {
        if (bytes < Large)
        {
            long aligned = Math.Max((bytes + Alignment - 1) / Alignment * Alignment, Alignment);
            foreach (Block block in _blocks)
            {
                if (block.TryTake(aligned, out ulong piece))
                    return Remember(piece, block, aligned);
            }
            if (FromDriver(BlockBytes) is { } start)
            {
                var added = new Block(start, BlockBytes);
                _blocks.Add(added);
                added.TryTake(aligned, out ulong first);
                return Remember(first, added, aligned);
            }
        }
        // If there is no room for a whole block, there may be room for this allocation alone.
        return FromDriver(bytes) is { } alone ? Remember(alone, null, bytes) : null;
    }

    /// <summary>Allocates from the driver; null if it is out of memory, or the limit is reached.</summary>
    private ulong? FromDriver(long bytes)
    {
        if (bytes > Most - _taken)
            return null;
        ulong pointer;
        Native.CUresult result = device.Driver.cuMemAlloc_v2(&pointer, (nuint)bytes);
        if (result == Native.CUresult.CUDA_ERROR_OUT_OF_MEMORY)
            return null;
        device.Check(result, "cuMemAlloc");
        _taken += bytes;
        return pointer;
    }

    private void ToDriver(ulong pointer, long bytes)
    {
        _taken -= bytes;
        device.Check(device.Driver.cuMemFree_v2(pointer), "cuMemFree");
    }

    private void DropEmptyBlocks()
    {
        foreach (Block block in _blocks.Where(block => block.IsEmpty).ToArray())
        {
            _blocks.Remove(block);
            ToDriver(block.Start, BlockBytes);
        }
    }

    private DeviceMemoryException Full(long bytes)
    {
        const double mebi = 1 << 20;
        nuint free = 0, total = 0;
        device.Driver.cuMemGetInfo_v2(&free, &total);
        if (bytes > Most - _taken)
        {
            return new DeviceMemoryException(
                $"cuda:{device.Ordinal} ({device.Name})",
                $"{device.LastOp} needs {bytes / mebi:F1} MiB, but the memory limit is {Most / mebi:F1} MiB; this program uses {UsedBytes / mebi:F1} MiB",
                "Take fewer or smaller images at a time, or raise the limit (--gpu-memory).");
        }
        return new DeviceMemoryException(
            $"cuda:{device.Ordinal} ({device.Name})",
            $"{device.LastOp} needs {bytes / mebi:F1} MiB, but only {free / mebi:F1} of {total / mebi:F1} MiB are free; "
                + $"this program uses {UsedBytes / mebi:F1} MiB",
            "Take fewer or smaller images at a time, or free the GPU of other programs.");
    }

    /// <summary>A block of memory and its free parts, ordered by address.</summary>
    private sealed class Block(ulong start, long bytes)
    {
        private readonly SortedList<ulong, long> _gaps = new() { [start] = bytes };

        public ulong Start => start;

        public bool IsEmpty => _gaps.Count == 1 && _gaps.Values[0] == bytes;

        public bool TryTake(long wanted, out ulong piece)
        {
            for (int i = 0; i < _gaps.Count; i++)
            {
                (ulong at, long gap) = (_gaps.Keys[i], _gaps.Values[i]);
                if (gap < wanted)
                    continue;
                _gaps.RemoveAt(i);
                if (gap > wanted)
                    _gaps.Add(at + (ulong)wanted, gap - wanted);
                piece = at;
                return true;
            }
            piece = 0;
            return false;
        }

        public void Give(ulong piece, long freed)
        {
            _gaps.Add(piece, freed);
            int at = _gaps.IndexOfKey(piece);
            if (at + 1 < _gaps.Count && piece + (ulong)freed == _gaps.Keys[at + 1])
            {
                _gaps.SetValueAtIndex(at, freed += _gaps.Values[at + 1]);
                _gaps.RemoveAt(at + 1);
            }
            if (at > 0 && _gaps.Keys[at - 1] + (ulong)_gaps.Values[at - 1] == piece)
            {
                _gaps.SetValueAtIndex(at - 1, _gaps.Values[at - 1] + freed);
                _gaps.RemoveAt(at);
            }
        }
    }
}
