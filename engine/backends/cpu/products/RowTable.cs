using Engine.Backends.Cpu.Simd;

namespace Engine.Backends.Cpu.Products;

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
        (int image, int rest) = Math.DivRem(first, region.Height * region.Width);
        (int line, int pixel) = Math.DivRem(rest, region.Width);
        Count = count;
        for (int row = 0; row < count; row++)
        {
            A[row] = region.A + image * region.AStrideN + line * region.AStrideH + pixel * region.AStrideW;
            Y[row] = region.Y + image * region.YStrideN + line * region.YStrideH + pixel * region.YStrideW;
            if (++pixel < region.Width)
                continue;
            pixel = 0;
            if (++line < region.Height)
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
            nint line = row / ProductKernels.Rows * Prefetch.CacheLine;
            block.PrefetchOffset = line < panel ? next + line : 0;
            block.RowCount = Math.Min(ProductKernels.Rows, Count - row);
            kernels.Run(panel, &block);
        }
    }
}
