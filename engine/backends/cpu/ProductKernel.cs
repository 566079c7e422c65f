using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>
/// One call of the kernel: up to six rows by one panel of columns, over one chunk of the reduction. With a tap's part of the reduction
/// of length Depth, y[i, j] = start[i, j] + bias[j] + sum over taps and d of a[i, d] b[d, j], then ReLU or gate.
/// Offsets and steps count numbers.
/// </summary>
internal unsafe struct ProductBlock
{
    /// <summary>The left operand: row i begins at ARows[i], of which there are always six, its next number lies AStep on.</summary>
    public float* A;
    public nint* ARows;
    public nint AStep;

    /// <summary>The right operand: its next row lies BStep on.</summary>
    public float* B;
    public nint BStep;

    /// <summary>How far from the right operand's rows lies what this call fetches a line of for each, into the second cache.</summary>
    public nint Ahead;

    /// <summary>The parts of the reduction: what to add to either operand's beginning.</summary>
    public Tap* Taps;
    public int TapCount;
    public nint Depth;

    /// <summary>Room for six rows of the panel.</summary>
    public float* Sums;

    /// <summary>The result, and what the sums are added to or null: row i at Rows[i].</summary>
    public float* Y;
    public float* Start;
    public nint* Rows;

    /// <summary>How many rows and columns of the block are the result's.</summary>
    public int RowCount, ColumnCount;

    /// <summary>One number per column, or null.</summary>
    public float* Bias;

    /// <summary>Where its number, row i at Rows[i], is at most 0 the result is 0; or null.</summary>
    public float* Gate;
    public bool Relu;
}

/// <summary>One part of a reduction: A numbers into the left operand, B rows into the right one.</summary>
internal readonly record struct Tap(nint A, nint B);

/// <summary>
/// The inner loop of every product. The tile of six rows stays in registers: 24 of 32 with four per row, 12 of 16 with two.
/// Each element is the chain of its own multiply-adds, so its bits do not depend on the rest of the tile.
/// </summary>
internal static unsafe class ProductKernel<S> where S : struct, IStrip<S>
{
    public static void Run(ProductBlock* block)
    {
        if (block->Start is not null)
            Fetch(block, block->Start);
        if (block->Gate is not null)
            Fetch(block, block->Gate);
        Sum(block);
        Finish(block);
    }

    /// <summary>Asks for what the sums will meet: a row of a result is often a page away from the next.</summary>
    private static void Fetch(ProductBlock* block, float* from)
    {
        for (int i = 0; i < block->RowCount; i++)
        {
            float* row = from + block->Rows[i];
            for (int j = 0; j < S.Count; j += Cache.Line)
                Cache.Fetch(row + j);
        }
    }

    /// <summary>Alone in its method, so that nothing competes with the tile for registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Sum(ProductBlock* block)
    {
        S sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default, sum5 = default;
        nint aStep = block->AStep, bStep = block->BStep, ahead = block->Ahead;
        for (Tap* tap = block->Taps, end = tap + block->TapCount; tap != end; tap++)
        {
            float* a = block->A + tap->A;
            nint* rows = block->ARows;
            float* a0 = a + rows[0], a1 = a + rows[1], a2 = a + rows[2], a3 = a + rows[3], a4 = a + rows[4], a5 = a + rows[5];
            float* b = block->B + tap->B * bStep;
            float* bEnd = b + block->Depth * bStep;
            for (nint k = 0; b != bEnd; b += bStep, k += aStep)
            {
                Cache.FetchLater(b + ahead);
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
    /// The sums are still in the first cache. A last panel may stick out of the result: what is read there belongs to others and goes nowhere.
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

/// <summary>The kernels of this machine, by the registers in a row of the tile.</summary>
internal unsafe readonly struct ProductKernels
{
    /// <summary>Rows of a tile, at every width.</summary>
    public const int Rows = 6;

    /// <summary>The most columns of a panel, on any machine.</summary>
    public const int MaxPanel = 64;

    private readonly delegate*<ProductBlock*, void> _one, _two, _four;

    private ProductKernels(int lanes, delegate*<ProductBlock*, void> one, delegate*<ProductBlock*, void> two, delegate*<ProductBlock*, void> four)
    {
        Lanes = lanes;
        _one = one;
        _two = two;
        _four = four;
    }

    /// <summary>Numbers in a register.</summary>
    public int Lanes { get; }

    /// <summary>Columns of the widest panel.</summary>
    public int Panel => (_four is not null ? 4 : 2) * Lanes;

    /// <summary>
    /// What fits the machine. AVX-512 is asked for by name, because Vector512 may call itself slow on processors where it is fast.
    /// </summary>
    public static ProductKernels Best { get; } =
        Avx512F.IsSupported ? new(16, &ProductKernel<Strip1<Lanes512>>.Run, &ProductKernel<Strip2<Lanes512>>.Run, &ProductKernel<Strip4<Lanes512>>.Run)
        : Avx2.IsSupported && Fma.IsSupported ? new(8, &ProductKernel<Strip1<Lanes256>>.Run, &ProductKernel<Strip2<Lanes256>>.Run, null)
        : AdvSimd.IsSupported ? new(4, &ProductKernel<Strip1<Lanes128>>.Run, &ProductKernel<Strip2<Lanes128>>.Run, &ProductKernel<Strip4<Lanes128>>.Run)
        : new(4, &ProductKernel<Strip1<Lanes128>>.Run, &ProductKernel<Strip2<Lanes128>>.Run, null);

    /// <summary>The columns of the next panel where <paramref name="columns"/> are left: a whole number of registers, so perhaps more.</summary>
    public int NextPanel(int columns) => columns > Panel - Lanes ? Panel : columns > Lanes ? 2 * Lanes : Lanes;

    /// <summary>Columns in all panels together: <paramref name="columns"/> rounded up.</summary>
    public int Padded(int columns)
    {
        int padded = 0;
        while (padded < columns)
            padded += NextPanel(columns - padded);
        return padded;
    }

    /// <summary>Computes a block of a panel of that many columns.</summary>
    public void Run(int panel, ProductBlock* block)
    {
        delegate*<ProductBlock*, void> kernel = panel == Lanes ? _one : panel == 2 * Lanes ? _two : _four;
        kernel(block);
    }
}
