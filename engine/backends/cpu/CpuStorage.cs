using System.Diagnostics.CodeAnalysis;
using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

/// <summary>The memory behind tensors, with packed copies of it in the orders that products read.</summary>
internal sealed unsafe class CpuStorage : IStorage
{
    private readonly CpuBlock _block;
    private List<PackedWeights> _packed = [];

    public CpuStorage(CpuMemory memory, long count)
    {
        (Memory, Count) = (memory, count);
        _block = new CpuBlock(memory, count * sizeof(float));
    }

    /// <summary>The backend's memory that it was allocated from.</summary>
    public CpuMemory Memory { get; }

    /// <inheritdoc/>
    public long Count { get; }

    /// <summary>The device.</summary>
    public override string ToString() => "cpu";

    /// <summary>Address of the first element.</summary>
    /// <exception cref="ObjectDisposedException">It is disposed.</exception>
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

    /// <summary>Number of changes so far. A packed copy of an older version is out of date.</summary>
    public long Version { get; set; }

    /// <summary>The packed copy in that order. Its contents may be out of date; its memory is reused for later versions.</summary>
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
        // Another thread may add a copy to the list at the same time. The finalizer of its block returns a copy that is missed here.
        List<PackedWeights> packed = Interlocked.Exchange(ref _packed, []);
        for (int i = 0; i < packed.Count; i++)
            packed[i].Dispose();
    }

    [DoesNotReturn]
    private static void ThrowDisposed() => throw DisposedTensor.Exception;
}
