using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cpu;

/// <summary>A block of <see cref="CpuMemory"/>. Dispose or the finalizer returns it, exactly once.</summary>
internal sealed unsafe class CpuBlock : IDisposable
{
    /// <summary>Bytes past the last element, so that a full register can be loaded at any element. The surplus lanes are ignored.</summary>
    private const int Slack = 4 * 64;

    private readonly CpuMemory _memory;
    private nint _pointer;

    /// <param name="memory">The memory that it is allocated from and returned to.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="zeroed">Whether to fill it with zeros.</param>
    /// <exception cref="DeviceMemoryException">Not enough memory is available.</exception>
    public CpuBlock(CpuMemory memory, long bytes, bool zeroed = true)
    {
        (_memory, Bytes) = (memory, bytes);
        _pointer = memory.Allocate(bytes + Slack);
        if (zeroed)
            NativeMemory.Clear((void*)_pointer, (nuint)(bytes + Slack));
    }

    ~CpuBlock() => Return();

    /// <summary>
    /// Returns the block if it has room for that many elements; otherwise replaces it with a larger one, filled with zeros.
    /// </summary>
    public static CpuBlock Grown(ref CpuBlock? block, CpuMemory memory, long count)
    {
        if (block is null || block.Bytes < count * sizeof(float))
        {
            block?.Dispose();
            block = new CpuBlock(memory, count * sizeof(float));
        }
        return block;
    }

    public long Bytes { get; }

    /// <summary>Address of the first element; null once it is disposed.</summary>
    public float* Pointer => (float*)_pointer;

    public void Dispose()
    {
        Return();
        GC.SuppressFinalize(this);
    }

    private void Return()
    {
        nint pointer = Interlocked.Exchange(ref _pointer, 0);
        if (pointer != 0)
            _memory.Return(pointer, Bytes + Slack);
    }
}
