namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>Scratch memory for each worker: a table of rows, sums, and a buffer.</summary>
internal sealed unsafe class ProductScratch : IDisposable
{
    private const int TableBytes = sizeof(long) * 2 * Product.MaxRows;
    private const int SumBytes = sizeof(float) * ProductKernels.Rows * ProductKernels.MaxPanel;
    private static readonly int BufferBytes = sizeof(float)
        * Math.Max(SpreadProduct.PatchCount, Math.Max(WeightProduct.PackedCount, DotProduct.SumCount));

    private readonly CpuBlock _block;
    private readonly byte* _memory;
    private readonly nuint _perWorker;

    /// <param name="memory">The backend's memory.</param>
    /// <param name="workers">Number of workers.</param>
    public ProductScratch(CpuMemory memory, int workers)
    {
        _perWorker = (nuint)(SumBytes + BufferBytes + (TableBytes + 63) / 64 * 64);
        _block = new CpuBlock(memory, (long)_perWorker * workers);
        _memory = (byte*)_block.Pointer;
    }

    /// <summary>The worker's table, not filled in yet.</summary>
    public RowTable Rows(int worker)
    {
        byte* memory = _memory + (nuint)worker * _perWorker;
        var tables = (nint*)(memory + SumBytes + BufferBytes);
        return new RowTable { Sums = (float*)memory, A = tables, Y = tables + Product.MaxRows };
    }

    /// <summary>The worker's buffer, for packed operands or sums.</summary>
    public float* Buffer(int worker) => (float*)(_memory + (nuint)worker * _perWorker + SumBytes);

    public void Dispose() => _block.Dispose();
}
