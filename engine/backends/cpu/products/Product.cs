namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// y = a b (+ start) (+ bias), then ReLU or gate. It is divided into tiles of rows x columns for the cores, chunks of the reduction for the
/// L1 and L2 caches, and calls of a <see cref="ProductKernel{S}"/> for the registers. The left operand is read in place; the right one is
/// packed into panels. A sum over several chunks is the sum of the chunks' sums, and the chunks depend only on the shape of the reduction.
/// So the bits of a row depend neither on the other rows nor on the number of cores.
/// </summary>
internal unsafe struct Product : ITiles
{
    /// <summary>Upper bound of the rows of a tile, on any machine.</summary>
    public const int MaxRows = 18 * ProductKernels.Rows;

    /// <summary>
    /// Upper bound of the columns of a tile, a multiple of every panel. Its rows of the left operand come from L3 or memory and are loaded once for all.
    /// </summary>
    public const int MaxColumns = 8 * ProductKernels.MaxPanel;

    public ProductKernels Kernels;
    public ProductRegion* Regions;
    public int RegionCount;
    public Tap* Taps;

    /// <summary>Upper bound of the length of the reduction that is summed at once.</summary>
    public int Chunk;

    public float* A;
    public nint AStep;

    /// <summary>
    /// The right operand. Column j starts at B + j BColumn. Its rows are BStep apart; 0 means the width of the panel, as packed.
    /// </summary>
    public float* B;
    public nint BColumn, BStep;

    public float* Start;
    public float* Bias;
    public float* Gate;
    public bool Relu;
    public float* Y;
    public int Columns;

    /// <summary>Rows of a tile, a multiple of the micro-kernel's, and its columns, a multiple of the panel's.</summary>
    public int TileRows, TileColumns;
    public ProductScratch Scratch;

    private int _cores;

    /// <summary>Number of tiles.</summary>
    public readonly int Tiles
    {
        get
        {
            int blocks = 0;
            for (int i = 0; i < RegionCount; i++)
                blocks += RowBlocks(Regions[i]);
            return blocks * ColumnBlocks;
        }
    }

    /// <summary>
    /// Divides the rows equally. Makes tiles smaller until each core has a few, so that all finish at about the same time. Each tile loads its
    /// operands itself, which sets a lower bound on its size.
    /// </summary>
    public void ShareAmong(int cores)
    {
        const int TilesPerCore = 4, MinRows = 4 * ProductKernels.Rows;
        _cores = cores;
        int most = 0;
        for (int i = 0; i < RegionCount; i++)
            most = Math.Max(most, Regions[i].Rows);
        int blocks = Math.Max((most + TileRows - 1) / TileRows, 1);
        TileRows = Math.Max(Groups((most + blocks - 1) / blocks), ProductKernels.Rows);
        while (Tiles < TilesPerCore * cores && (TileColumns > Kernels.Panel || TileRows > MinRows))
        {
            if (TileColumns > Kernels.Panel)
                TileColumns /= 2;
            else
                TileRows = Math.Max(Groups(TileRows / 2), MinRows);
        }
    }

    /// <summary>Rows rounded up to whole groups of the micro-kernel's.</summary>
    private static int Groups(int rows) => (rows + ProductKernels.Rows - 1) / ProductKernels.Rows * ProductKernels.Rows;

    private readonly int ColumnBlocks => (Columns + TileColumns - 1) / TileColumns;

    public readonly void Run(int tile, int worker)
    {
        ProductRegion* region = Region(tile, out int rowBlock, out int column);
        RowTable rows = Scratch.Rows(worker);
        int first = rowBlock * TileRows;
        rows.Fill(*region, first, Math.Min(TileRows, region->Rows - first));

        int end = Math.Min(Columns, column + TileColumns);
        if (region->TapCount == 0)
        {
            // Nothing is summed, so what does not start from something is 0: three pixels of four in the gradient of a 1 x 1 convolution with stride 2.
            if (Start is null && Bias is null)
            {
                for (int row = 0; row < rows.Count; row++)
                    new Span<float>(Y + rows.Y[row] + column, end - column).Clear();
                return;
            }
            // What it starts from is read row by row, as it lies.
            for (int row = 0; row < rows.Count; row += ProductKernels.Rows)
            {
                for (int j = column, panel; j < end; j += panel)
                {
                    panel = Kernels.NextPanel(end - j);
                    RunPanel(*region, new Extent(0, 0, 0, region->Depth, IsLast: true), j, panel, rows.Group(row), next: null);
                }
            }
            return;
        }
        int taps = Math.Clamp(Chunk / region->Depth, 1, region->TapCount);
        int pieces = (region->Depth + Chunk - 1) / Chunk, piece = (region->Depth + pieces - 1) / pieces;
        for (int tap = 0; tap < region->TapCount; tap += taps)
        {
            for (int depth = 0; depth < region->Depth; depth += piece)
            {
                var chunk = new Extent(tap, Math.Min(taps, region->TapCount - tap), depth, Math.Min(piece, region->Depth - depth),
                    tap + taps >= region->TapCount && depth + piece >= region->Depth);
                // Cores take tiles in order, so the next tile of this core is about _cores further on.
                float* after = chunk.IsLast ? FirstPanel(tile + _cores) : null;
                for (int j = column, panel; j < end; j += panel)
                {
                    panel = Kernels.NextPanel(end - j);
                    RunPanel(*region, chunk, j, panel, rows, j + panel < end ? Panel(*region, chunk, j + panel) : after);
                }
            }
        }
    }

    /// <summary>The region of a tile, the index of the tile's block of rows in it, and the tile's first column.</summary>
    private readonly ProductRegion* Region(int tile, out int rowBlock, out int column)
    {
        (rowBlock, column) = Math.DivRem(tile, ColumnBlocks);
        column *= TileColumns;
        ProductRegion* region = Regions;
        for (; rowBlock >= RowBlocks(*region); region++)
            rowBlock -= RowBlocks(*region);
        return region;
    }

    /// <summary>Address of a chunk of the reduction in the panel of the right operand that starts at that column.</summary>
    private readonly float* Panel(in ProductRegion region, in Extent chunk, int column)
    {
        nint step = BStep != 0 ? BStep : Kernels.NextPanel(Columns - column);
        nint row = region.TapCount == 0 ? 0 : Taps[region.FirstTap + chunk.Tap].B;
        return B + column * BColumn + (row + chunk.Depth) * step;
    }

    /// <summary>Address of the first panel of a tile; null past the last tile.</summary>
    private readonly float* FirstPanel(int tile) => tile < Tiles ? Panel(*Region(tile, out _, out int column), default, column) : null;

    private readonly int RowBlocks(in ProductRegion region) => (region.Rows + TileRows - 1) / TileRows;

    /// <param name="region">The region whose rows are computed.</param>
    /// <param name="chunk">The part of the reduction.</param>
    /// <param name="column">First column of the panel.</param>
    /// <param name="panel">Width of the panel.</param>
    /// <param name="rows">The rows of the tile.</param>
    /// <param name="next">The panel to prefetch meanwhile, or null.</param>
    private readonly void RunPanel(in ProductRegion region, in Extent chunk, int column, int panel, RowTable rows, float* next)
    {
        nint step = BStep != 0 ? BStep : panel;
        float* start = chunk.IsFirst ? Start : Y;
        var block = new ProductBlock
        {
            A = A + chunk.Depth * AStep,
            AStep = AStep,
            B = B + column * BColumn + chunk.Depth * step,
            BStep = step,
            Taps = Taps + region.FirstTap + chunk.Tap,
            TapCount = chunk.Taps,
            Depth = chunk.Length,
            Y = Y + column,
            ColumnCount = Math.Min(panel, Columns - column),
            Start = start is null ? null : start + column,
            Bias = chunk.IsFirst && Bias is not null ? Bias + column : null,
            Gate = chunk.IsLast && Gate is not null ? Gate + column : null,
            Relu = chunk.IsLast && Relu,
        };
        rows.Run(Kernels, block, panel, next is null ? 0 : (nint)(next - Panel(region, chunk, column)), isCold: column % TileColumns == 0 && AStep == 1);
    }

    /// <summary>A chunk of the reduction: some taps, each from element Depth on for Length elements.</summary>
    private readonly record struct Extent(int Tap, int Taps, int Depth, int Length, bool IsLast)
    {
        public bool IsFirst => Tap == 0 && Depth == 0;
    }
}
