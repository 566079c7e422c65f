using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// The micro-kernel of all products. Its tile of six rows stays in registers: it takes 24 of 32 with four registers per row, or 12 of 16
/// with two. Each element is one chain of multiply-adds, so its bits do not depend on the rest of the tile.
/// </summary>
internal static unsafe class ProductKernel<S> where S : struct, IStrip<S>
{
    public static void Run(ProductBlock* block)
    {
        if (block->Start is not null)
            PrefetchRows(block, block->Start);
        if (block->Gate is not null)
            PrefetchRows(block, block->Gate);
        Sum(block);
        Finish(block);
    }

    /// <summary>Prefetches what the sums are combined with: the rows of a result are often more than a page apart.</summary>
    private static void PrefetchRows(ProductBlock* block, float* from)
    {
        for (int i = 0; i < block->RowCount; i++)
        {
            float* row = from + block->Rows[i];
            for (int j = 0; j < S.Count; j += Prefetch.CacheLine)
                Prefetch.IntoL1(row + j);
        }
    }

    /// <summary>A method of its own, so that nothing else needs registers beside the tile.</summary>
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
        float* sums = block->Sums;
        S.Store(sum0, sums);
        S.Store(sum1, sums + S.Count);
        S.Store(sum2, sums + 2 * S.Count);
        S.Store(sum3, sums + 3 * S.Count);
        S.Store(sum4, sums + 4 * S.Count);
        S.Store(sum5, sums + 5 * S.Count);
    }

    /// <summary>
    /// Adds bias and start, applies ReLU and gate, and stores. The sums are still in L1. The last panel may overrun the matrix: the surplus
    /// lanes are computed but not stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Finish(ProductBlock* block)
    {
        bool whole = block->ColumnCount == S.Count;
        S bias = block->Bias is not null ? S.Load(block->Bias) : default;
        for (int i = 0; i < block->RowCount; i++)
        {
            nint row = block->Rows[i];
            float* sums = block->Sums + i * S.Count;
            S sum = S.Load(sums) + bias;
            if (block->Start is not null)
                sum += S.Load(block->Start + row);
            if (block->Relu)
                sum = S.Gated(sum, sum);
            if (block->Gate is not null)
                sum = S.Gated(sum, S.Load(block->Gate + row));
            S.Store(sum, whole ? block->Y + row : sums);
            for (int j = 0; !whole && j < block->ColumnCount; j++)
                block->Y[row + j] = sums[j];
        }
    }
}
