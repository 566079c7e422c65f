using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>64-byte aligned memory outside the garbage collector's heap: it never moves and is never scanned.</summary>
internal sealed unsafe class CpuStorage : IStorage
{
    private const int Alignment = 64;

    /// <summary>Room behind the last number, so that a full register may be read from any place, and the surplus ignored.</summary>
    private const int Slack = 4 * Alignment;

    private readonly long _bytes;
    private readonly List<PackedWeights> _packed = [];

    public CpuStorage(long count)
    {
        Count = count;
        _bytes = count * sizeof(float) + Slack;
        Pointer = (float*)NativeMemory.AlignedAlloc((nuint)_bytes, Alignment);
        NativeMemory.Clear(Pointer, (nuint)_bytes);
        GC.AddMemoryPressure(_bytes);
    }

    ~CpuStorage() => Free();

    public long Count { get; }

    public float* Pointer { get; private set; }

    /// <summary>How often the numbers have changed: a packed copy of another version is out of date.</summary>
    public long Version { get; set; }

    /// <summary>The copy of the numbers in that order; its memory is kept for later versions. Its contents may be out of date.</summary>
    public PackedWeights Packed(WeightOrder order, int paddedColumns)
    {
        foreach (PackedWeights packed in _packed)
        {
            if (packed.Order == order)
                return packed;
        }
        var made = new PackedWeights(order, paddedColumns);
        _packed.Add(made);
        return made;
    }

    public void Dispose()
    {
        foreach (PackedWeights packed in _packed)
            packed.Dispose();
        _packed.Clear();
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
    }
}
