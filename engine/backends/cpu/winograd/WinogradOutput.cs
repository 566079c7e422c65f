using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Winograd;

/// <summary>
/// The output transform Aᵀ m A of a block of tiles, read as (point, tile, channel), then what a <see cref="Product"/> does with its sums:
/// start, bias, ReLU and gate.
/// </summary>
internal unsafe struct WinogradOutput : ITiles
{
    public WinogradGrid Grid;
    public ProductScratch Scratch;

    /// <summary>The products. Those of the next point are Plane elements further on.</summary>
    public float* From;
    public nint Plane;

    /// <summary>The block's first tile.</summary>
    public int First;

    public float* Start;
    public float* Bias;
    public float* Gate;
    public bool Relu;
    public float* Y;

    public readonly void Run(int tile, int worker) => Registers.Run(new Tile(this, tile, Scratch.Buffer(worker)));

    private readonly struct Tile(WinogradOutput output, int tile, float* half) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V> => output.Transform<V>(tile, half);
    }

    /// <summary>First along the columns into <paramref name="half"/>, then along the rows that lie inside the image.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Transform<V>(int tile, float* half) where V : struct, ILanes<V>
    {
        const int InputSize = WinogradTransform.InputSize, TileSize = WinogradTransform.TileSize;
        (int image, int row, int column) = Grid.Position(First + tile);
        int rows = Math.Min(TileSize, Grid.Height - row), pixels = Math.Min(TileSize, Grid.Width - column);
        nint corner = (((nint)image * Grid.Height + row) * Grid.Width + column) * Grid.Out;
        float* from = From + (nint)tile * Grid.Out, results = half + TileSize * InputSize * V.Count;
        for (int k = 0; k < Grid.Out; k += V.Count)
        {
            for (int w = 0; w < InputSize; w++)
            {
                float* m = from + w * Plane + k;
                nint stride = InputSize * Plane;
                for (int h = 0; h < InputSize; h++)
                    Prefetch.IntoL1(m + h * stride + WinogradTransform.PrefetchDistance);
                WinogradTransform.TransformOutput(
                    V.Load(m), V.Load(m + stride), V.Load(m + 2 * stride),
                    V.Load(m + 3 * stride), V.Load(m + 4 * stride), V.Load(m + 5 * stride),
                    half + w * V.Count, InputSize * V.Count);
            }
            for (int h = 0; h < rows; h++)
            {
                float* m = half + h * InputSize * V.Count;
                WinogradTransform.TransformOutput(
                    V.Load(m), V.Load(m + V.Count), V.Load(m + 2 * V.Count),
                    V.Load(m + 3 * V.Count), V.Load(m + 4 * V.Count), V.Load(m + 5 * V.Count),
                    results, V.Count);
                Finish<V>(results, pixels, corner + (nint)h * Grid.Width * Grid.Out + k, k);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Finish<V>(float* results, int pixels, nint offset, int k) where V : struct, ILanes<V>
    {
        V bias = Bias is not null ? V.Load(Bias + k) : 0f;
        for (int w = 0; w < pixels; w++, results += V.Count, offset += Grid.Out)
        {
            Prefetch.IntoL1(Y + offset + WinogradTransform.PrefetchDistance);
            if (Gate is not null)
                Prefetch.IntoL1(Gate + offset + WinogradTransform.PrefetchDistance);
            V sum = V.Load(results) + bias;
            if (Start is not null)
                sum += V.Load(Start + offset);
            if (Relu)
                sum = V.Gated(sum, sum);
            if (Gate is not null)
                sum = V.Gated(sum, V.Load(Gate + offset));
            V.Store(sum, Y + offset);
        }
    }
}
