using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Winograd;

/// <summary>The input transform Bᵀ d B of a block of tiles, written as (point, tile, channel).</summary>
internal unsafe struct WinogradInput : ITiles
{
    public WinogradGrid Grid;
    public ProductScratch Scratch;

    /// <summary>The images, and a pixel of zeros for the padding.</summary>
    public float* X, Zeros;

    /// <summary>The block's first tile.</summary>
    public int First;

    /// <summary>The transformed values. Those of the next point are Plane elements further on.</summary>
    public float* To;
    public nint Plane;

    [SkipLocalsInit]
    public readonly void Run(int tile, int worker)
    {
        (int image, int row, int column) = Grid.Position(First + tile);
        float** pixels = stackalloc float*[WinogradTransform.Points];
        (int height, int width) = (Grid.Height + 2 * Grid.Halo, Grid.Width + 2 * Grid.Halo);
        (row, column) = (row - 1 + Grid.Halo, column - 1 + Grid.Halo);
        for (int i = 0; i < WinogradTransform.Points; i++)
        {
            (int h, int w) = (row + i / WinogradTransform.InputSize, column + i % WinogradTransform.InputSize);
            bool inside = (uint)h < (uint)height && (uint)w < (uint)width;
            pixels[i] = inside ? X + (((nint)image * height + h) * width + w) * Grid.In : Zeros;
        }
        Registers.Run(new Tile(this, pixels, To + (nint)tile * Grid.In, Scratch.Buffer(worker)));
    }

    private readonly struct Tile(WinogradInput input, float** pixels, float* to, float* half) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V> => input.Transform<V>(pixels, to, half);
    }

    /// <summary>First along the columns into <paramref name="half"/>, then along the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Transform<V>(float** pixels, float* to, float* half) where V : struct, ILanes<V>
    {
        const int InputSize = WinogradTransform.InputSize;
        for (int c = 0; c < Grid.In; c += V.Count)
        {
            for (int w = 0; w < InputSize; w++)
            {
                float** d = pixels + w;
                WinogradTransform.TransformInput(
                    V.Load(d[0] + c), V.Load(d[InputSize] + c), V.Load(d[2 * InputSize] + c),
                    V.Load(d[3 * InputSize] + c), V.Load(d[4 * InputSize] + c), V.Load(d[5 * InputSize] + c),
                    half + w * V.Count, InputSize * V.Count);
            }
            for (int h = 0; h < InputSize; h++)
            {
                float* d = half + h * InputSize * V.Count;
                for (int w = 0; w < InputSize; w++)
                    Prefetch.IntoL1(to + (h * InputSize + w) * Plane + c + WinogradTransform.PrefetchDistance);
                WinogradTransform.TransformInput(
                    V.Load(d), V.Load(d + V.Count), V.Load(d + 2 * V.Count),
                    V.Load(d + 3 * V.Count), V.Load(d + 4 * V.Count), V.Load(d + 5 * V.Count),
                    to + h * InputSize * Plane + c, Plane);
            }
        }
    }
}
