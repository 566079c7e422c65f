namespace Engine.Backends.Cpu;

/// <summary>What a Winograd convolution needs while it runs; grown by the first that needs more, then kept.</summary>
internal sealed unsafe class WinogradScratch(CpuMemory memory) : IDisposable
{
    private CpuBlock? _values, _zeros;

    /// <summary>Room for a block's values at all points, and for their products. It holds what it last held.</summary>
    public float* Values(nint count) => CpuBlock.Grown(ref _values, memory, count).Pointer;

    /// <summary>A pixel of so many channels, all zero.</summary>
    public float* Zeros(nint count) => CpuBlock.Grown(ref _zeros, memory, count).Pointer;

    public void Dispose()
    {
        _values?.Dispose();
        _zeros?.Dispose();
    }
}
