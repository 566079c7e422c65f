using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>
/// A Winograd convolution's last third: Aᵀ m A of a block of tiles, from (point, tile, channel), and what
/// a <see cref="Product"/> does with its finished sums.
/// </summary>
internal unsafe struct WinogradResults : ITiles
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

    public readonly void Run(int tile, int worker)
    {
        float* room = Scratch.Room(worker);
        if (Avx512F.IsSupported)
            Transform<Lanes512>(tile, room);
        else if (Avx2.IsSupported)
            Transform<Lanes256>(tile, room);
        else
            Transform<Lanes128>(tile, room);
    }

    /// <summary>Down the columns into <paramref name="half"/>, then along the lines that the image still has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transform<V>(int tile, float* half) where V : struct, ILanes<V>
    {
        const int Reach = WinogradTransform.Reach, Side = WinogradTransform.Side;
        (int image, int line, int pixel) = Grid.Place(First + tile);
        int lines = Math.Min(Side, Grid.Height - line), pixels = Math.Min(Side, Grid.Width - pixel);
        nint corner = (((nint)image * Grid.Height + line) * Grid.Width + pixel) * Grid.Out;
        float* from = From + (nint)tile * Grid.Out, results = half + Side * Reach * V.Count;
        for (int k = 0; k < Grid.Out; k += V.Count)
        {
            for (int w = 0; w < Reach; w++)
            {
                float* m = from + w * Plane + k;
                nint row = Reach * Plane;
                for (int h = 0; h < Reach; h++)
                    Cache.Fetch(m + h * row + WinogradTransform.Ahead);
                WinogradTransform.ToResults(
                    V.Load(m), V.Load(m + row), V.Load(m + 2 * row), V.Load(m + 3 * row), V.Load(m + 4 * row), V.Load(m + 5 * row),
                    half + w * V.Count, Reach * V.Count);
            }
            for (int h = 0; h < lines; h++)
            {
                float* m = half + h * Reach * V.Count;
                WinogradTransform.ToResults(
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
            Cache.Fetch(Y + place + WinogradTransform.Ahead);
            if (Gate is not null)
                Cache.Fetch(Gate + place + WinogradTransform.Ahead);
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
