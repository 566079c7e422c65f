using System.Diagnostics.CodeAnalysis;
using Engine.Backends.Cpu.Products;
using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>The memory behind tensors, and copies of it in the orders that products read.</summary>
internal sealed unsafe class CpuStorage : IStorage
{
    private readonly CpuBlock _block;
    private List<PackedWeights> _packed = [];

    public CpuStorage(CpuMemory memory, long count)
    {
        (Memory, Count) = (memory, count);
        _block = new CpuBlock(memory, count * sizeof(float));
    }

    /// <summary>The backend's memory that it is a part of.</summary>
    public CpuMemory Memory { get; }

    /// <inheritdoc/>
    public long Count { get; }

    /// <summary>Where its numbers begin.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public float* Pointer
    {
        get
        {
            float* pointer = _block.Pointer;
            if (pointer is null)
                ThrowDisposed();
            return pointer;
        }
    }

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
        var made = new PackedWeights(Memory, order, paddedColumns);
        _packed.Add(made);
        return made;
    }

    public void Dispose()
    {
        _block.Dispose();
        // Another thread may be adding a copy to the list meanwhile: one that is missed here is handed back by its block's finalizer.
        List<PackedWeights> packed = Interlocked.Exchange(ref _packed, []);
        for (int i = 0; i < packed.Count; i++)
            packed[i].Dispose();
    }

    [DoesNotReturn]
    private static void ThrowDisposed() => throw DisposedTensor.Exception;
}
