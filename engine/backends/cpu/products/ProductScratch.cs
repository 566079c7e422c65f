namespace Engine.Backends.Cpu.Products;

/// <summary>What every core needs of its own while it multiplies, and the lists that describe a product; made once, grown rarely.</summary>
internal sealed unsafe class ProductScratch : IDisposable
{
    private const int TableBytes = sizeof(long) * 2 * Product.MaxRows;
    private const int SumBytes = sizeof(float) * ProductKernels.Rows * ProductKernels.MaxPanel;
    private const int BufferBytes = sizeof(float) * (WeightProduct.PackedCount > DotProduct.SumCount ? WeightProduct.PackedCount : DotProduct.SumCount);

    private readonly CpuBlock _block;
    private readonly byte* _memory;
    private readonly nuint _perWorker;

    /// <param name="memory">The backend's.</param>
    /// <param name="workers">Cores.</param>
    public ProductScratch(CpuMemory memory, int workers)
    {
        _perWorker = SumBytes + BufferBytes + (TableBytes + 63) / 64 * 64;
        _block = new CpuBlock(memory, (long)_perWorker * workers);
        _memory = (byte*)_block.Pointer;
    }

    /// <summary>The core's table, still to be filled.</summary>
    public RowTable Rows(int worker)
    {
        byte* memory = _memory + (nuint)worker * _perWorker;
        var tables = (nint*)(memory + SumBytes + BufferBytes);
        return new RowTable { Sums = (float*)memory, A = tables, Y = tables + Product.MaxRows };
    }

    /// <summary>The core's room for whatever it packs or sums.</summary>
    public float* Buffer(int worker) => (float*)(_memory + (nuint)worker * _perWorker + SumBytes);

    public void Dispose() => _block.Dispose();
}
