using System.Runtime.InteropServices;

namespace Engine.Backends.Cpu;

/// <summary>A block of <see cref="CpuMemory"/>. Disposed or forgotten, it is handed back once.</summary>
internal sealed unsafe class CpuBlock : IDisposable
{
    /// <summary>Bytes behind the last number, so that a full register may be read from any place, and the surplus ignored.</summary>
    private const int Slack = 4 * 64;

    private readonly CpuMemory _memory;
    private nint _pointer;

    /// <param name="memory">Where it comes from and goes back to.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="zeroed">Whether it holds zeros at first.</param>
    /// <exception cref="DeviceMemoryException">The machine has not so much.</exception>
    public CpuBlock(CpuMemory memory, long bytes, bool zeroed = true)
    {
        (_memory, Bytes) = (memory, bytes);
        _pointer = memory.Allocate(bytes + Slack);
        if (zeroed)
            NativeMemory.Clear((void*)_pointer, (nuint)(bytes + Slack));
    }

    ~CpuBlock() => Return();

    /// <summary>A block with room for so many numbers: the one that is there, or a larger one of zeros in its place.</summary>
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

    /// <summary>Where it begins; null once it was disposed.</summary>
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
