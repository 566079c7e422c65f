namespace Engine.Backends.Cpu;

/// <summary>
/// How a right operand lies in weights (K, R, S, C), from number Offset of their storage on: row (tap, i) of column j is number
/// tap TapStep + i RowStep + j ColumnStep, with tap below Taps = R S and i below Depth.
/// </summary>
internal readonly record struct WeightOrder(long Offset, int Taps, int Depth, int Columns, nint TapStep, nint RowStep, nint ColumnStep)
{
    /// <summary>Whether the operand holds the windows' values at the points of a <see cref="WinogradTransform"/> in place of their taps.</summary>
    public bool Winograd { get; init; }

    /// <summary>Rows in all.</summary>
    public int Rows => (Winograd ? WinogradTransform.Points : Taps) * Depth;
}

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

/// <summary>Copies weights into their panels, one panel per tile.</summary>
internal unsafe struct Packing : ITiles
{
    public ProductKernels Kernels;
    public WeightOrder Order;
    public float* From;
    public float* To;

    public readonly int Tiles => (Order.Columns + Kernels.Panel - 1) / Kernels.Panel;

    public readonly void Run(int tile, int worker)
    {
        int end = Math.Min(Order.Columns, (tile + 1) * Kernels.Panel);
        for (int column = tile * Kernels.Panel, panel; column < end; column += panel)
        {
            panel = Kernels.NextPanel(end - column);
            float* to = To + (nint)column * Order.Rows;
            if (Order.Winograd)
            {
                WinogradWindows.Pack(From + column * Order.ColumnStep, Order, Math.Min(panel, end - column), panel, to);
                continue;
            }
            for (int tap = 0; tap < Order.Taps; tap++)
            {
                float* from = From + tap * Order.TapStep + column * Order.ColumnStep;
                for (int row = 0; row < Order.Depth; row++, to += panel, from += Order.RowStep)
                {
                    for (int j = 0; j < panel; j++)
                        to[j] = column + j < Order.Columns ? from[j * Order.ColumnStep] : 0f;
                }
            }
        }
    }
}
