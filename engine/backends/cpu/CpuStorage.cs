using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>64-byte aligned memory outside the garbage collector's heap: it never moves and is never scanned.</summary>
internal sealed unsafe class CpuStorage : IStorage
{
    private const int Alignment = 64;
    private readonly long _bytes;

    public CpuStorage(long count)
    {
        Count = count;
        _bytes = Math.Max(count, 1) * sizeof(float);
        Pointer = (float*)NativeMemory.AlignedAlloc((nuint)_bytes, Alignment);
        NativeMemory.Clear(Pointer, (nuint)_bytes);
        GC.AddMemoryPressure(_bytes);
    }

    ~CpuStorage() => Free();

    public long Count { get; }

    public float* Pointer { get; private set; }

    /// <summary>Copies of the numbers in the order that the matrix product reads them, made on first use and dropped by the next write.</summary>
    public PackedWeights? Packed { get; set; }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (Pointer is null)
            return;
        NativeMemory.AlignedFree(Pointer);
        GC.RemoveMemoryPressure(_bytes);
        Pointer = null;
        Packed?.Dispose();
        Packed = null;
    }
}
