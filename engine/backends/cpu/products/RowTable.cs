using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>Where the rows of a tile start.</summary>
internal unsafe struct RowTable
{
    public int Count;

    /// <summary>
    /// Offsets in the left operand and in the result. The first row is repeated up to a multiple of the micro-kernel's rows.
    /// </summary>
    public nint* A, Y;

    /// <summary>Buffer for the micro-kernel's rows of one panel.</summary>
    public float* Sums;

    /// <summary>Fills in rows <paramref name="first"/> to first + <paramref name="count"/> - 1 of the region.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Fill(in ProductRegion region, int first, int count)
    {
        (int n, int rest) = Math.DivRem(first, region.Height * region.Width);
        (int h, int w) = Math.DivRem(rest, region.Width);
        Count = count;
        for (int row = 0; row < count; row++)
        {
            A[row] = region.A + n * region.AStrideN + h * region.AStrideH + w * region.AStrideW;
            Y[row] = region.Y + n * region.YStrideN + h * region.YStrideH + w * region.YStrideW;
            if (++w < region.Width)
                continue;
            w = 0;
            if (++h < region.Height)
                continue;
            h = 0;
            n++;
        }
        for (int row = count; row % ProductKernels.Rows != 0; row++)
            (A[row], Y[row]) = (A[0], Y[0]);
    }

    /// <summary>The micro-kernel's rows from <paramref name="row"/> on.</summary>
    public readonly RowTable Group(int row) => new() { Count = Math.Min(ProductKernels.Rows, Count - row), A = A + row, Y = Y + row, Sums = Sums };

    /// <summary>
    /// Runs the micro-kernel over all rows of a panel; the other fields of the block are set. Meanwhile the panel that is
    /// <paramref name="next"/> elements ahead is prefetched: each call fetches one cache line of every row, until all are.
    /// </summary>
    /// <param name="kernels">The micro-kernels.</param>
    /// <param name="block">The panel and the reduction.</param>
    /// <param name="panel">Width of the panel.</param>
    /// <param name="next">Distance of the panel to prefetch; 0 for none.</param>
    /// <param name="isCold">Whether this is the first panel to read these rows, so that they are prefetched too: their elements must be adjacent.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(in ProductKernels kernels, ProductBlock block, int panel, nint next, bool isCold = false)
    {
        block.Sums = Sums;
        for (int row = 0; row < Count; row += ProductKernels.Rows)
        {
            block.ARows = A + row;
            block.Rows = Y + row;
            nint offset = row / ProductKernels.Rows * Prefetch.CacheLine;
            block.PrefetchOffset = offset < panel ? next + offset : 0;
            block.RowCount = Math.Min(ProductKernels.Rows, Count - row);
            if (isCold && row + ProductKernels.Rows < Count)
                PrefetchRows(block, block.ARows + ProductKernels.Rows);
            kernels.Run(panel, &block);
        }
    }

    /// <summary>
    /// Prefetches the micro-kernel's next rows of the left operand. They come from L3 or memory in six streams, each shorter than a page, which the
    /// hardware prefetcher starts late: without this the first panel's calls wait for them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PrefetchRows(in ProductBlock block, nint* rows)
    {
        for (Tap* tap = block.Taps, end = tap + block.TapCount; tap != end; tap++)
        {
            for (int row = 0; row < ProductKernels.Rows; row++)
            {
                float* a = block.A + tap->A + rows[row];
                for (nint k = 0; k < block.Depth; k += Prefetch.CacheLine)
                    Prefetch.IntoL2(a + k);
            }
        }
    }
}
