using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Engine.Backends.Cpu;

/// <summary>A Winograd convolution's first third: Bᵀ d B of a block of tiles, to (point, tile, channel).</summary>
internal unsafe struct WinogradPixels : ITiles
{
    public WinogradGrid Grid;
    public ProductScratch Scratch;

    /// <summary>The images, and a pixel of zeros for the padding.</summary>
    public float* X, Zeros;

    /// <summary>The block's first tile.</summary>
    public int First;

    /// <summary>The values; the next point's lie Plane on.</summary>
    public float* To;
    public nint Plane;

    [SkipLocalsInit]
    public readonly void Run(int tile, int worker)
    {
        (int image, int line, int pixel) = Grid.Place(First + tile);
        float** pixels = stackalloc float*[WinogradTransform.Points];
        for (int i = 0; i < WinogradTransform.Points; i++)
        {
            (int h, int w) = (line - 1 + i / WinogradTransform.Reach, pixel - 1 + i % WinogradTransform.Reach);
            bool inside = (uint)h < (uint)Grid.Height && (uint)w < (uint)Grid.Width;
            pixels[i] = inside ? X + (((nint)image * Grid.Height + h) * Grid.Width + w) * Grid.In : Zeros;
        }
        float* to = To + (nint)tile * Grid.In, room = Scratch.Room(worker);
        if (Avx512F.IsSupported)
            Transform<Lanes512>(pixels, to, room);
        else if (Avx2.IsSupported)
            Transform<Lanes256>(pixels, to, room);
        else
            Transform<Lanes128>(pixels, to, room);
    }

    /// <summary>Down the columns into <paramref name="half"/>, then along the lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Transform<V>(float** pixels, float* to, float* half) where V : struct, ILanes<V>
    {
        const int Reach = WinogradTransform.Reach;
        for (int c = 0; c < Grid.In; c += V.Count)
        {
            for (int w = 0; w < Reach; w++)
            {
                float** d = pixels + w;
                WinogradTransform.OfPixels(
                    V.Load(d[0] + c), V.Load(d[Reach] + c), V.Load(d[2 * Reach] + c),
                    V.Load(d[3 * Reach] + c), V.Load(d[4 * Reach] + c), V.Load(d[5 * Reach] + c),
                    half + w * V.Count, Reach * V.Count);
            }
            for (int h = 0; h < Reach; h++)
            {
                float* d = half + h * Reach * V.Count;
                for (int w = 0; w < Reach; w++)
                    Cache.Fetch(to + (h * Reach + w) * Plane + c + WinogradTransform.Ahead);
                WinogradTransform.OfPixels(
                    V.Load(d), V.Load(d + V.Count), V.Load(d + 2 * V.Count),
                    V.Load(d + 3 * V.Count), V.Load(d + 4 * V.Count), V.Load(d + 5 * V.Count),
                    to + h * Reach * Plane + c, Plane);
            }
        }
    }
}
