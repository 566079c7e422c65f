namespace Engine.Backends.Cpu.Products;

/// <summary>
/// y = a b (+ start) (+ bias), then ReLU or gate, cut into tiles of rows x columns for the cores, chunks of the reduction for the
/// first two caches, and <see cref="ProductKernel{S}"/>s for the registers. The left operand is read where it lies; the right one comes in
/// panels. A sum over several chunks is the sum of the chunks' sums, and chunks are cut by the reduction's own shape alone: the bits
/// of a row depend neither on the other rows nor on how many cores there are.
/// </summary>
internal unsafe struct Product : ITiles
{
    /// <summary>The most rows of a tile, on any machine.</summary>
    public const int MaxRows = 16 * ProductKernels.Rows;

    /// <summary>The most panels of a tile: its rows of the left operand, which come from farther away, are fetched once for so many.</summary>
    public const int MaxPanels = 8;

    public ProductKernels Kernels;
    public ProductRegion* Regions;
    public int RegionCount;
    public Tap* Taps;

    /// <summary>The longest part of the reduction summed at once.</summary>
    public int Chunk;

    public float* A;
    public nint AStep;

    /// <summary>The right operand; column j begins at B + j BColumn, its next row BStep on, 0 for panels packed to their own width.</summary>
    public float* B;
    public nint BColumn, BStep;

    public float* Start;
    public float* Bias;
    public float* Gate;
    public bool Relu;
    public float* Y;
    public int Columns;

    /// <summary>Rows of a tile, a multiple of the kernel's, and columns, a multiple of the panel.</summary>
    public int TileRows, TileColumns;
    public ProductScratch Scratch;

    private int _cores;

    /// <summary>How many tiles there are.</summary>
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
    /// Makes tiles smaller until there are a few for every core, so that all end about together; no smaller than is still worth
    /// the reading of the operands, which every tile does for itself.
    /// </summary>
    public void ShareAmong(int cores)
    {
        const int TilesPerCore = 4, LeastRows = 4 * ProductKernels.Rows;
        _cores = cores;
        while (Tiles < TilesPerCore * cores && (TileColumns > Kernels.Panel || TileRows > LeastRows))
        {
            if (TileColumns > Kernels.Panel)
                TileColumns /= 2;
            else
                TileRows /= 2;
        }
    }

    private readonly int ColumnBlocks => (Columns + TileColumns - 1) / TileColumns;

    public readonly void Run(int tile, int worker)
    {
        ProductRegion* region = Region(tile, out int rowBlock, out int column);
        RowTable rows = Scratch.Rows(worker);
        int first = rowBlock * TileRows;
        rows.Fill(*region, first, Math.Min(TileRows, region->Rows - first));

        int end = Math.Min(Columns, column + TileColumns);
        int taps = Math.Clamp(Chunk / region->Depth, 1, Math.Max(region->TapCount, 1));
        int pieces = (region->Depth + Chunk - 1) / Chunk, piece = (region->Depth + pieces - 1) / pieces;
        for (int tap = 0; tap == 0 || tap < region->TapCount; tap += taps)
        {
            for (int depth = 0; depth < region->Depth; depth += piece)
            {
                var chunk = new Extent(tap, Math.Min(taps, region->TapCount - tap), depth, Math.Min(piece, region->Depth - depth),
                    tap + taps >= region->TapCount && depth + piece >= region->Depth);
                // Tiles are taken in turn: the next one of this core is about as many on as there are cores.
                float* after = chunk.IsLast ? FirstPanel(tile + _cores) : null;
                for (int j = column, panel; j < end; j += panel)
                {
                    panel = Kernels.NextPanel(end - j);
                    RunPanel(*region, chunk, j, panel, rows, j + panel < end ? Panel(*region, chunk, j + panel) : after);
                }
            }
        }
    }

    /// <summary>A tile's region, which of its blocks of rows the tile is, and the tile's first column.</summary>
    private readonly ProductRegion* Region(int tile, out int rowBlock, out int column)
    {
        (rowBlock, column) = Math.DivRem(tile, ColumnBlocks);
        column *= TileColumns;
        ProductRegion* region = Regions;
        for (; rowBlock >= RowBlocks(*region); region++)
            rowBlock -= RowBlocks(*region);
        return region;
    }

    /// <summary>Where a chunk of the reduction begins in the right operand's panel from that column on.</summary>
    private readonly float* Panel(in ProductRegion region, in Extent chunk, int column)
    {
        nint step = BStep != 0 ? BStep : Kernels.NextPanel(Columns - column), row = region.TapCount == 0 ? 0 : Taps[region.FirstTap + chunk.Tap].B;
        return B + column * BColumn + (row + chunk.Depth) * step;
    }

    /// <summary>Where a tile begins in the right operand; null beyond the last tile.</summary>
    private readonly float* FirstPanel(int tile) => tile < Tiles ? Panel(*Region(tile, out _, out int column), default, column) : null;

    private readonly int RowBlocks(in ProductRegion region) => (region.Rows + TileRows - 1) / TileRows;

    /// <param name="region">Whose rows are computed.</param>
    /// <param name="chunk">Which part of the reduction.</param>
    /// <param name="column">The panel's first.</param>
    /// <param name="panel">Its width.</param>
    /// <param name="rows">Where the tile's rows are.</param>
    /// <param name="next">The panel to be fetched meanwhile, or null.</param>
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
        rows.Run(Kernels, block, panel, next is null ? 0 : (nint)(next - Panel(region, chunk, column)));
    }

    /// <summary>A chunk of the reduction: some taps, each from Depth on for Length.</summary>
    private readonly record struct Extent(int Tap, int Taps, int Depth, int Length, bool IsLast)
    {
        public bool IsFirst => Tap == 0 && Depth == 0;
    }
}
