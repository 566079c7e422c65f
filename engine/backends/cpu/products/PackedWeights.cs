namespace Engine.Backends.Cpu.Products;

/// <summary>
/// Weights copied into the order in which a matrix product reads them: panels of columns, each with its rows one after the other,
/// columns beyond the last one zero. Made again into the same memory when the weights have changed.
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

    /// <summary>The <see cref="CpuStorage.Version"/> that was copied.</summary>
    public long Version { get; set; } = -1;

    public float* Pointer => _block.Pointer;

    public void Dispose() => _block.Dispose();
}
