namespace Engine.Backends.Cpu;

/// <summary>Where the rows of a tile begin.</summary>
internal unsafe struct RowTable
{
    public int Count;

    /// <summary>In the left operand, and in the result. Up to a whole number of the kernel's rows, the first row again.</summary>
    public nint* A, Y;

    /// <summary>Room for the kernel's rows of one panel.</summary>
    public float* Sums;

    /// <summary>Rows <paramref name="first"/> to first + <paramref name="count"/> of the region.</summary>
    public void Fill(in ProductRegion region, int first, int count)
    {
        (int image, int rest) = Math.DivRem(first, region.Lines * region.Pixels);
        (int line, int pixel) = Math.DivRem(rest, region.Pixels);
        Count = count;
        for (int row = 0; row < count; row++)
        {
            A[row] = region.A + image * region.AImage + line * region.ALine + pixel * region.APixel;
            Y[row] = region.Y + image * region.YImage + line * region.YLine + pixel * region.YPixel;
            if (++pixel < region.Pixels)
                continue;
            pixel = 0;
            if (++line < region.Lines)
                continue;
            line = 0;
            image++;
        }
        for (int row = count; row % ProductKernels.Rows != 0; row++)
            (A[row], Y[row]) = (A[0], Y[0]);
    }

    /// <summary>
    /// Runs the kernel over all rows of a panel, the rest of whose block is given. Meanwhile the panel <paramref name="next"/> numbers on is fetched: each call
    /// takes one line of every row until all are.
    /// </summary>
    public readonly void Run(in ProductKernels kernels, ProductBlock block, int panel, nint next)
    {
        block.Sums = Sums;
        for (int row = 0; row < Count; row += ProductKernels.Rows)
        {
            block.ARows = A + row;
            block.Rows = Y + row;
            nint line = row / ProductKernels.Rows * Cache.Line;
            block.Ahead = line < panel ? next + line : 0;
            block.RowCount = Math.Min(ProductKernels.Rows, Count - row);
            kernels.Run(panel, &block);
        }
    }
}

/// <summary>What every core needs of its own while it multiplies, and the lists that describe a product; made once, grown rarely.</summary>
internal sealed unsafe class ProductScratch : IDisposable
{
    private const int TableBytes = sizeof(long) * 2 * Product.MostRows;
    private const int SumBytes = sizeof(float) * ProductKernels.Rows * ProductKernels.MaxPanel;
    private const int RoomBytes = sizeof(float) * (WeightProduct.PackedCount > DotProduct.SumCount ? WeightProduct.PackedCount : DotProduct.SumCount);

    private readonly CpuBlock _block;
    private readonly byte* _memory;
    private readonly nuint _perWorker;

    /// <param name="memory">The backend's.</param>
    /// <param name="workers">Cores.</param>
    public ProductScratch(CpuMemory memory, int workers)
    {
        _perWorker = SumBytes + RoomBytes + (TableBytes + 63) / 64 * 64;
        _block = new CpuBlock(memory, (long)_perWorker * workers);
        _memory = (byte*)_block.Pointer;
    }

    /// <summary>The core's table, still to be filled.</summary>
    public RowTable Rows(int worker)
    {
        byte* memory = _memory + (nuint)worker * _perWorker;
        var tables = (nint*)(memory + SumBytes + RoomBytes);
        return new RowTable { Sums = (float*)memory, A = tables, Y = tables + Product.MostRows };
    }

    /// <summary>The core's room for whatever it packs or sums.</summary>
    public float* Room(int worker) => (float*)(_memory + (nuint)worker * _perWorker + SumBytes);

    public void Dispose() => _block.Dispose();
}
