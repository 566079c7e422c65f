using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cpu;

/// <summary>
/// The memory of one backend, outside the garbage collector's heap: it never moves and is never scanned. Any thread may return a block,
/// also a finalizer, and also while a verb still reads it. The block is freed when the backend reports that no verb runs.
/// </summary>
internal sealed unsafe partial class CpuMemory
{
    private const int Alignment = 64;

    /// <summary>Size of a huge page, on x86-64 and on arm64 with pages of 4 KiB.</summary>
    private const int HugePage = 2 << 20;

    /// <summary>Upper bound in bytes for this process: the memory of the machine or of its container.</summary>
    private static readonly long Limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private readonly ConcurrentQueue<(nint Pointer, long Bytes)> _returned = new();
    private long _used;
    private volatile bool _isClosed;

    /// <summary>Bytes that are allocated and not yet freed.</summary>
    public long UsedBytes => Interlocked.Read(ref _used);

    /// <summary>Whether that many more bytes are available.</summary>
    public bool CanAllocate(long bytes) => bytes <= Limit - UsedBytes;

    /// <summary>Allocates uninitialised memory, aligned to 64 bytes.</summary>
    /// <exception cref="DeviceMemoryException">Not enough memory is available.</exception>
    public nint Allocate(long bytes)
    {
        if (!CanAllocate(bytes))
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
        AskForHugePages((nint)pointer, bytes);
        Interlocked.Add(ref _used, bytes);
        GC.AddMemoryPressure(bytes);
        return (nint)pointer;
    }

    /// <summary>Takes a block back, from any thread. After <see cref="Close"/> it is freed at once.</summary>
    public void Return(nint pointer, long bytes)
    {
        _returned.Enqueue((pointer, bytes));
        if (_isClosed)
            Free();
    }

    /// <summary>Frees the returned blocks. No verb may be running.</summary>
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

    /// <summary>Ends the use of this memory: no verb runs any more, so blocks returned from now on are freed at once.</summary>
    public void Close()
    {
        _isClosed = true;
        Free();
    }

    /// <summary>
    /// Asks Linux for huge pages where they lie wholly inside a block, so that the process holds no more than it asked for. Products and transforms read
    /// dozens of streams, whose small pages do not fit into the TLB, and a walk of the page table costs most on a virtual machine. It is advice only.
    /// </summary>
    private static void AskForHugePages(nint pointer, long bytes)
    {
        const int UseHugePages = 14;
        long start = (pointer + HugePage - 1L) / HugePage * HugePage, end = (pointer + bytes) / HugePage * HugePage;
        if (start < end && OperatingSystem.IsLinux())
            _ = MemoryAdvice((nint)start, (nuint)(end - start), UseHugePages);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvice(nint pointer, nuint bytes, int advice);

    private DeviceMemoryException Full(long bytes)
    {
        const double mebi = 1 << 20;
        return new DeviceMemoryException("not enough memory on the CPU", string.Create(CultureInfo.InvariantCulture,
            $"{bytes / mebi:F1} MiB are needed, tensors already use {UsedBytes / mebi:F1} MiB, and the upper bound for this process is {Limit / mebi:F1} MiB"));
    }
}
