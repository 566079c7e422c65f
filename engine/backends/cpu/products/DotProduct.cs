using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// y (N, K) = x (N, C) wᵀ (K, C) (+ bias), then ReLU. Each element is the dot product of two rows that are contiguous in memory, so the
/// weights are read unpacked, once per block of rows of x. A tile is some rows of w by all rows of x. Each lane sums its elements in order,
/// then the lanes are summed, then the rest: the bits of a row do not depend on other rows.
/// </summary>
internal unsafe struct DotProduct : ITiles
{
    /// <summary>Rows of w in a tile.</summary>
    public const int TileColumns = 8 * DotKernel.Columns;

    /// <summary>Rows of x that share one pass over w.</summary>
    public const int TileRows = 4 * DotKernel.Rows;

    /// <summary>Elements of a row that are processed at once: that many of ten rows of x and two of w fit the L1 cache.</summary>
    private const int Chunk = 768;

    /// <summary>Elements that a worker needs for the sums, with the widest registers.</summary>
    public const int SumCount = TileRows * TileColumns * 16;

    public ProductScratch Scratch;
    public float* X;
    public float* W;
    public int N, K, C;
    public float* Bias;
    public bool Relu;
    public float* Y;

    public readonly int Tiles => (K + TileColumns - 1) / TileColumns;

    public readonly void Run(int tile, int worker) => Registers.Run(new Tile(this, tile, Scratch.Buffer(worker)));

    private readonly struct Tile(DotProduct product, int tile, float* sums) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V> => product.Run<V>(tile, sums);
    }

    private readonly void Run<V>(int tile, float* sums) where V : struct, ILanes<V>
    {
        int k0 = tile * TileColumns, columns = Math.Min(TileColumns, K - k0), whole = C / V.Count * V.Count;
        for (int n0 = 0; n0 < N; n0 += TileRows)
        {
            int rows = Math.Min(TileRows, N - n0);
            new Span<float>(sums, (rows + DotKernel.Rows - 1) / DotKernel.Rows * DotKernel.Rows * TileColumns * V.Count).Clear();
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
                    Y[(nint)(n0 + n) * K + k0 + k] = Finish<V>(n0 + n, k0 + k, whole, sums + DotKernel.Index(n, k, TileColumns) * V.Count);
            }
        }
    }

    private readonly float Finish<V>(int n, int k, int whole, float* lanes) where V : struct, ILanes<V>
    {
        float rest = 0f;
        for (int c = whole; c < C; c++)
            rest = float.MultiplyAddEstimate(X[(nint)n * C + c], W[(nint)k * C + c], rest);
        float sum = V.Sum(V.Load(lanes)) + rest;
        if (Bias is not null)
            sum += Bias[k];
        return Relu && sum <= 0f ? 0f : sum;
    }
}
