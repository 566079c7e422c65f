using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>
/// y (N, K) = x (N, C) wᵀ (K, C) (+ bias), then ReLU: every number is the product of two rows that lie in memory as they are, so weights
/// are read raw, once per sixteen rows of x. A tile is some rows of w by all rows of x.
/// Every lane sums its own numbers in order, then the lanes are summed, then what is left: the bits of a row are its own.
/// </summary>
internal unsafe struct DotProduct : ITiles
{
    /// <summary>Rows of w in a tile.</summary>
    public const int TileColumns = 8 * DotKernel.Columns;

    /// <summary>Rows of x that share one reading of w.</summary>
    public const int TileRows = 4 * DotKernel.Rows;

    /// <summary>Numbers of a row taken at once: sixteen rows of x by so many fit the second cache, three rows of w the first.</summary>
    private const int Chunk = 1024;

    public ProductScratch Scratch;
    public float* X;
    public float* W;
    public int N, K, C;
    public float* Bias;
    public bool Relu;
    public float* Y;

    public readonly int Tiles => (K + TileColumns - 1) / TileColumns;

    public readonly void Run(int tile, int worker)
    {
        float* sums = Scratch.Packed(worker);
        if (Avx512F.IsSupported)
            Run<Lanes512>(tile, sums);
        else if (Avx2.IsSupported)
            Run<Lanes256>(tile, sums);
        else
            Run<Lanes128>(tile, sums);
    }

    private readonly void Run<V>(int tile, float* sums) where V : struct, ILanes<V>
    {
        int k0 = tile * TileColumns, columns = Math.Min(TileColumns, K - k0), whole = C / V.Count * V.Count;
        for (int n0 = 0; n0 < N; n0 += TileRows)
        {
            int rows = Math.Min(TileRows, N - n0);
            new Span<float>(sums, TileRows * TileColumns * V.Count).Clear();
            for (int c = 0; c < whole; c += Chunk)
            {
                for (int k = 0; k < columns; k += DotKernel.Columns)
                {
                    for (int n = 0; n < rows; n += DotKernel.Rows)
                    {
                        DotKernel.Run<V>(
                            X + (nint)(n0 + n) * C + c, rows - n, W + (nint)(k0 + k) * C + c, columns - k, C, Math.Min(Chunk, whole - c),
                            sums + (n * TileColumns + k * DotKernel.Rows) * V.Count);
                    }
                }
            }
            for (int n = 0; n < rows; n++)
            {
                for (int k = 0; k < columns; k++)
                    Y[(nint)(n0 + n) * K + k0 + k] = Finish<V>(n0 + n, k0 + k, whole, sums + DotKernel.Place(n, k, TileColumns) * V.Count);
            }
        }
    }

    private readonly float Finish<V>(int n, int k, int whole, float* lanes) where V : struct, ILanes<V>
    {
        float sum = 0f;
        for (int half = V.Count / 2; half > 0; half /= 2)
        {
            for (int i = 0; i < half; i++)
                lanes[i] += lanes[i + half];
        }
        for (int c = whole; c < C; c++)
            sum = MathF.FusedMultiplyAdd(X[(nint)n * C + c], W[(nint)k * C + c], sum);
        sum += lanes[0];
        if (Bias is not null)
            sum += Bias[k];
        return Relu && !(sum > 0f) ? 0f : sum;
    }
}

/// <summary>Four rows by three: twelve sums in registers, also where there are only sixteen.</summary>
internal static unsafe class DotKernel
{
    public const int Rows = 4, Columns = 3;

    /// <summary>Where the sums of row n and column k are, in registers: kernel after kernel, in each row by row.</summary>
    public static int Place(int n, int k, int tileColumns) =>
        n / Rows * Rows * tileColumns + k / Columns * Columns * Rows + n % Rows * Columns + k % Columns;

    /// <summary>Adds the products of up to four rows of x and three of w, <paramref name="stride"/> numbers apart, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* x, int rows, float* w, int columns, nint stride, int count, float* sums) where V : struct, ILanes<V>
    {
        // A row that is not there is the first once more; nobody reads its sums.
        float* x1 = rows > 1 ? x + stride : x, x2 = rows > 2 ? x + 2 * stride : x, x3 = rows > 3 ? x + 3 * stride : x;
        float* w1 = columns > 1 ? w + stride : w, w2 = columns > 2 ? w + 2 * stride : w;
        int v = V.Count;
        V s00 = V.Load(sums), s01 = V.Load(sums + v), s02 = V.Load(sums + 2 * v);
        V s10 = V.Load(sums + 3 * v), s11 = V.Load(sums + 4 * v), s12 = V.Load(sums + 5 * v);
        V s20 = V.Load(sums + 6 * v), s21 = V.Load(sums + 7 * v), s22 = V.Load(sums + 8 * v);
        V s30 = V.Load(sums + 9 * v), s31 = V.Load(sums + 10 * v), s32 = V.Load(sums + 11 * v);
        for (nint c = 0; c < count; c += v)
        {
            V b0 = V.Load(w + c), b1 = V.Load(w1 + c), b2 = V.Load(w2 + c);
            V a = V.Load(x + c);
            (s00, s01, s02) = (V.Fma(a, b0, s00), V.Fma(a, b1, s01), V.Fma(a, b2, s02));
            a = V.Load(x1 + c);
            (s10, s11, s12) = (V.Fma(a, b0, s10), V.Fma(a, b1, s11), V.Fma(a, b2, s12));
            a = V.Load(x2 + c);
            (s20, s21, s22) = (V.Fma(a, b0, s20), V.Fma(a, b1, s21), V.Fma(a, b2, s22));
            a = V.Load(x3 + c);
            (s30, s31, s32) = (V.Fma(a, b0, s30), V.Fma(a, b1, s31), V.Fma(a, b2, s32));
        }
        V.Store(s00, sums);
        V.Store(s01, sums + v);
        V.Store(s02, sums + 2 * v);
        V.Store(s10, sums + 3 * v);
        V.Store(s11, sums + 4 * v);
        V.Store(s12, sums + 5 * v);
        V.Store(s20, sums + 6 * v);
        V.Store(s21, sums + 7 * v);
        V.Store(s22, sums + 8 * v);
        V.Store(s30, sums + 9 * v);
        V.Store(s31, sums + 10 * v);
        V.Store(s32, sums + 11 * v);
    }
}
