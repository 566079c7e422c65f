namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>Packs weights into panels, one panel per tile.</summary>
internal unsafe struct Packing : ITiles
{
    public ProductKernels Kernels;
    public WeightOrder Order;
    public float* From;
    public float* To;

    public readonly void Run(int tile, int worker)
    {
        int end = Math.Min(Order.Columns, (tile + 1) * Kernels.Panel);
        for (int column = tile * Kernels.Panel, panel; column < end; column += panel)
        {
            panel = Kernels.NextPanel(end - column);
            float* to = To + (nint)column * Order.Rows;
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
