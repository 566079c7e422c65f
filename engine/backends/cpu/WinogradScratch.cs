using System.Runtime.InteropServices;

namespace Engine.Backends.Cpu;

/// <summary>What a Winograd convolution needs while it runs; grown by the first that needs more, then kept.</summary>
internal sealed unsafe class WinogradScratch : IDisposable
{
    private float* _values, _zeros;
    private nint _valueCount, _zeroCount;

    ~WinogradScratch() => Free();

    /// <summary>Room for a block's values at all points, and for their products. It holds what it last held.</summary>
    public float* Values(nint count) => Grow(ref _values, ref _valueCount, count);

    /// <summary>A pixel of so many channels, all zero.</summary>
    public float* Zeros(nint count) => Grow(ref _zeros, ref _zeroCount, count);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static float* Grow(ref float* memory, ref nint have, nint count)
    {
        if (count > have)
        {
            NativeMemory.AlignedFree(memory);
            nuint bytes = (nuint)count * sizeof(float);
            memory = (float*)NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Clear(memory, bytes);
            have = count;
        }
        return memory;
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_values);
        NativeMemory.AlignedFree(_zeros);
        _values = _zeros = null;
        _valueCount = _zeroCount = 0;
    }
}
