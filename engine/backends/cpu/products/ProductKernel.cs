using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// The micro-kernel of all products. Its tile of six rows stays in registers: it takes 24 of 32 with four registers per row, or 12 of 16
/// with two. Each element is one chain of multiply-adds, so its bits do not depend on the rest of the tile.
/// </summary>
internal static unsafe class ProductKernel<S> where S : struct, IStrip<S>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ProductBlock* block)
    {
        if (block->Start is not null)
            PrefetchRows(block, block->Start);
        else if (S.FillsRegisters)
            PrefetchRows(block, block->Y);
        if (block->Gate is not null)
            PrefetchRows(block, block->Gate);
        Sum(block);
    }

    /// <summary>
    /// Prefetches what the sums are combined with: the rows of a result are often more than a page apart. Where sums are finished through memory, also
    /// what they are written to: theirs and the result's are 48 stores, which fill the store buffer while the first of the result's waits for its line.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PrefetchRows(ProductBlock* block, float* from)
    {
        for (int i = 0; i < block->RowCount; i++)
        {
            float* row = from + block->Rows[i];
            for (int j = 0; j < S.Count; j += Prefetch.CacheLine)
                Prefetch.IntoL1(row + j);
        }
    }

    /// <summary>
    /// Sums the tile and finishes it in the registers where some are left. Through memory the loads of the sums wait for the last multiply-adds,
    /// and those of the next tile for the loads: 7 % of the time of a reduction over 256 elements with 256-bit registers, a fifth of it over 64.
    /// Where the tile fills the registers, the compiler would spill it inside the loop, which costs more.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Sum(ProductBlock* block)
    {
        S sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default, sum5 = default;
        nint aStep = block->AStep, bStep = block->BStep, ahead = block->PrefetchOffset;
        for (Tap* tap = block->Taps, end = tap + block->TapCount; tap != end; tap++)
        {
            float* a = block->A + tap->A;
            nint* rows = block->ARows;
            float* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3], a4 = a + rows[4], a5 = a + rows[5];
            float* b = block->B + tap->B * bStep;
            float* bEnd = b + block->Depth * bStep;
            for (nint k = 0; b != bEnd; b += bStep, k += aStep)
            {
                Prefetch.IntoL2(b + ahead);
                S strip = S.Load(b);
                sum0 = S.MultiplyAdd(a0 + k, strip, sum0);
                sum1 = S.MultiplyAdd(a1 + k, strip, sum1);
                sum2 = S.MultiplyAdd(a2 + k, strip, sum2);
                sum3 = S.MultiplyAdd(a3 + k, strip, sum3);
                sum4 = S.MultiplyAdd(a4 + k, strip, sum4);
                sum5 = S.MultiplyAdd(a5 + k, strip, sum5);
            }
        }
        if (S.FillsRegisters || block->ColumnCount < S.Count)
        {
            float* sums = block->Sums;
            S.Store(sum0, sums);
            S.Store(sum1, sums + S.Count);
            S.Store(sum2, sums + 2 * S.Count);
            S.Store(sum3, sums + 3 * S.Count);
            S.Store(sum4, sums + 4 * S.Count);
            S.Store(sum5, sums + 5 * S.Count);
            FinishSums(block);
            return;
        }
        nint* at = block->Rows;
        nint row0 = at[0], row1 = at[1], row2 = at[2], row3 = at[3], row4 = at[4], row5 = at[5];
        if (block->Bias is not null)
        {
            float* bias = block->Bias;
            (sum0, sum1, sum2) = (S.Add(sum0, bias), S.Add(sum1, bias), S.Add(sum2, bias));
            (sum3, sum4, sum5) = (S.Add(sum3, bias), S.Add(sum4, bias), S.Add(sum5, bias));
        }
        else
        {
            // -0 becomes 0, as with a bias.
            (sum0, sum1, sum2) = (sum0 + default(S), sum1 + default(S), sum2 + default(S));
            (sum3, sum4, sum5) = (sum3 + default(S), sum4 + default(S), sum5 + default(S));
        }
        if (block->Start is not null)
        {
            float* start = block->Start;
            (sum0, sum1, sum2) = (S.Add(sum0, start + row0), S.Add(sum1, start + row1), S.Add(sum2, start + row2));
            (sum3, sum4, sum5) = (S.Add(sum3, start + row3), S.Add(sum4, start + row4), S.Add(sum5, start + row5));
        }
        if (block->Relu)
        {
            (sum0, sum1, sum2) = (S.Rectified(sum0), S.Rectified(sum1), S.Rectified(sum2));
            (sum3, sum4, sum5) = (S.Rectified(sum3), S.Rectified(sum4), S.Rectified(sum5));
        }
        if (block->Gate is not null)
        {
            float* gate = block->Gate;
            (sum0, sum1, sum2) = (S.Gated(sum0, gate + row0), S.Gated(sum1, gate + row1), S.Gated(sum2, gate + row2));
            (sum3, sum4, sum5) = (S.Gated(sum3, gate + row3), S.Gated(sum4, gate + row4), S.Gated(sum5, gate + row5));
        }
        float* y = block->Y;
        int count = block->RowCount;
        S.Store(sum0, y + row0);
        if (count > 1)
            S.Store(sum1, y + row1);
        if (count > 2)
            S.Store(sum2, y + row2);
        if (count > 3)
            S.Store(sum3, y + row3);
        if (count > 4)
            S.Store(sum4, y + row4);
        if (count > 5)
            S.Store(sum5, y + row5);
    }

    /// <summary>
    /// Finishes the sums that were put into memory. The last panel may overrun the matrix: the surplus lanes are computed but not stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void FinishSums(ProductBlock* block)
    {
        bool whole = block->ColumnCount == S.Count;
        S bias = block->Bias is not null ? S.Load(block->Bias) : default;
        for (int i = 0; i < block->RowCount; i++)
        {
            nint row = block->Rows[i];
            float* sums = block->Sums + i * S.Count;
            S sum = S.Load(sums) + bias;
            if (block->Start is not null)
                sum = S.Add(sum, block->Start + row);
            if (block->Relu)
                sum = S.Rectified(sum);
            if (block->Gate is not null)
                sum = S.Gated(sum, block->Gate + row);
            S.Store(sum, whole ? block->Y + row : sums);
            for (int j = 0; !whole && j < block->ColumnCount; j++)
                block->Y[row + j] = sums[j];
        }
    }
}
