using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Engine.Backends.Cpu;

/// <summary>
/// One backend's memory outside the garbage collector's heap, which never moves and is never scanned. A block is handed back from any thread,
/// a finalizer's too, while a verb may still read it; it is freed when the backend says that no verb runs.
/// </summary>
internal sealed unsafe class CpuMemory
{
    private const int Alignment = 64;

    /// <summary>What the process may use: the machine's memory, or its container's.</summary>
    private static readonly long Most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private readonly ConcurrentQueue<(nint Pointer, long Bytes)> _returned = new();
    private long _used;
    private volatile bool _isClosed;

    /// <summary>Bytes that are not freed yet.</summary>
    public long UsedBytes => Interlocked.Read(ref _used);

    /// <summary>Whether so many bytes more could be had.</summary>
    public bool Has(long bytes) => bytes <= Most - UsedBytes;

    /// <summary>64-byte aligned memory that holds anything.</summary>
    /// <exception cref="DeviceMemoryException">The machine has not so much.</exception>
    public nint Allocate(long bytes)
    {
        if (!Has(bytes))
            throw Full(bytes);
        void* pointer;
        try
        {
            pointer = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
        }
        catch (OutOfMemoryException)
        {
            throw Full(bytes);
        }
        Interlocked.Add(ref _used, bytes);
        GC.AddMemoryPressure(bytes);
        return (nint)pointer;
    }

    /// <summary>Takes memory back, from any thread. After <see cref="Close"/> it is freed at once.</summary>
    public void Return(nint pointer, long bytes)
    {
        _returned.Enqueue((pointer, bytes));
        if (_isClosed)
            Free();
    }

    /// <summary>Frees what was returned. No verb may run.</summary>
    public void Free()
    {
        if (_returned.IsEmpty)
            return;
        while (_returned.TryDequeue(out (nint Pointer, long Bytes) block))
        {
            NativeMemory.AlignedFree((void*)block.Pointer);
            GC.RemoveMemoryPressure(block.Bytes);
            Interlocked.Add(ref _used, -block.Bytes);
        }
    }

    /// <summary>No verb will run any more: what is returned from here on is freed at once.</summary>
    public void Close()
    {
        _isClosed = true;
        Free();
    }

    private DeviceMemoryException Full(long bytes)
    {
        const double mebi = 1 << 20;
        return new DeviceMemoryException(string.Create(CultureInfo.InvariantCulture,
            $"the CPU's memory: {bytes / mebi:F1} MiB are wanted, {UsedBytes / mebi:F1} MiB are in use for tensors already, and this process may use "
            + $"{Most / mebi:F1} MiB in all. Take fewer or smaller images at a time."));
    }
}
