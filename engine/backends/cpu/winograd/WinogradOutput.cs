using System.Runtime.CompilerServices;
using Engine.Backends.Cpu.Products;
using Engine.Backends.Cpu.Simd;

namespace Engine.Backends.Cpu.Winograd;

/// <summary>
/// A Winograd convolution's last third: Aᵀ m A of a block of tiles, from (point, tile, channel), and what
/// a <see cref="Product"/> does with its finished sums.
/// </summary>
internal unsafe struct WinogradOutput : ITiles
{
    public WinogradGrid Grid;
    public ProductScratch Scratch;

    /// <summary>The products; the next point's lie Plane on.</summary>
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

    /// <summary>Down the columns into <paramref name="half"/>, then along the lines that the image still has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transform<V>(int tile, float* half) where V : struct, ILanes<V>
    {
        const int InputSize = WinogradTransform.InputSize, TileSize = WinogradTransform.TileSize;
        (int image, int line, int pixel) = Grid.Place(First + tile);
        int lines = Math.Min(TileSize, Grid.Height - line), pixels = Math.Min(TileSize, Grid.Width - pixel);
        nint corner = (((nint)image * Grid.Height + line) * Grid.Width + pixel) * Grid.Out;
        float* from = From + (nint)tile * Grid.Out, results = half + TileSize * InputSize * V.Count;
        for (int k = 0; k < Grid.Out; k += V.Count)
        {
            for (int w = 0; w < InputSize; w++)
            {
                float* m = from + w * Plane + k;
                nint row = InputSize * Plane;
                for (int h = 0; h < InputSize; h++)
                    Prefetch.IntoL1(m + h * row + WinogradTransform.PrefetchDistance);
                WinogradTransform.TransformOutput(
                    V.Load(m), V.Load(m + row), V.Load(m + 2 * row), V.Load(m + 3 * row), V.Load(m + 4 * row), V.Load(m + 5 * row),
                    half + w * V.Count, InputSize * V.Count);
            }
            for (int h = 0; h < lines; h++)
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
    private readonly void Finish<V>(float* results, int pixels, nint place, int k) where V : struct, ILanes<V>
    {
        V bias = Bias is not null ? V.Load(Bias + k) : 0f;
        for (int w = 0; w < pixels; w++, results += V.Count, place += Grid.Out)
        {
            Prefetch.IntoL1(Y + place + WinogradTransform.PrefetchDistance);
            if (Gate is not null)
                Prefetch.IntoL1(Gate + place + WinogradTransform.PrefetchDistance);
            V sum = V.Load(results) + bias;
            if (Start is not null)
                sum += V.Load(Start + place);
            if (Relu)
                sum = V.Gated(sum, sum);
            if (Gate is not null)
                sum = V.Gated(sum, V.Load(Gate + place));
            V.Store(sum, Y + place);
        }
    }
}
