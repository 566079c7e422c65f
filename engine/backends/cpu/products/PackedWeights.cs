namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// Weights packed in the order in which a matrix product reads them: panels of columns, each panel row by row. Columns past the last one
/// are zero. Changed weights are packed again into the same memory.
/// </summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    private readonly CpuBlock _block;

    public PackedWeights(CpuMemory memory, WeightOrder order, int paddedColumns)
    {
        Order = order;
        _block = new CpuBlock(memory, (long)order.Rows * paddedColumns * sizeof(float), zeroed: false);
    }

    public WeightOrder Order { get; }

    /// <summary>The <see cref="CpuStorage.Version"/> that is packed.</summary>
    public long Version { get; set; } = -1;

    public float* Pointer => _block.Pointer;

    public void Dispose() => _block.Dispose();
}
