using System.Runtime.CompilerServices;

namespace Engine.Backends.Cpu;

/// <summary>
/// A block of an image's features, restricted in all copies: what the copies share (features, mask, statistics) is read into the
/// cache once, and the noise never leaves it.
/// </summary>
internal readonly unsafe struct RestrictTiles(
    NoiseRows noise, float* x, float* λ, float* mean, float* std, float* active, bool clamp, float* z) : ITiles
{
    [SkipLocalsInit]
    public void Run(int tile, int worker)
    {
        float* scratch = stackalloc float[NoiseRows.Scratch];
        (int image, int first, int count) = noise.Tile(tile);
        long own = (long)image * noise.Row + first;
        for (int copy = 0; copy < noise.Copies; copy++)
        {
            float* ε = noise.Block(image, copy, first, count, scratch);
            Pointwise.Run(new At(x + own, λ + own, mean + first, std + first, active + first, ε, clamp ? 0f : float.NegativeInfinity, z + noise.Place(image, copy, first)), 0, 0, count);
        }
    }

    private readonly struct At(float* x, float* λ, float* mean, float* std, float* active, float* ε, float floor, float* z) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void IPointwise.At<V>(int i, int feature)
        {
            V passes = V.Load(λ + i);
            V noise = V.Fma(V.Load(std + i), V.Load(ε + i), V.Load(mean + i));
            V mixed = V.Fma(passes, V.Load(x + i), (1f - passes) * noise);
            V.Store(V.Max(V.Load(active + i) * mixed, floor), z + i);
        }
    }
}

/// <summary>The gradient of a block of an image's mask, summed over copies in their order; the noise is made again.</summary>
internal readonly unsafe struct RestrictBackwardTiles(
    NoiseRows noise, float* x, float* mean, float* std, float* active, float* z, float* dz, Sink dλ) : ITiles
{
    [SkipLocalsInit]
    public void Run(int tile, int worker)
    {
        float* scratch = stackalloc float[NoiseRows.Scratch];
        float* sum = stackalloc float[NoiseRows.Features];
        (int image, int first, int count) = noise.Tile(tile);
        int own = image * noise.Row + first;
        for (int copy = 0; copy < noise.Copies; copy++)
        {
            float* ε = noise.Block(image, copy, first, count, scratch);
            long at = noise.Place(image, copy, first);
            Pointwise.Run(new TermAt(x + own, mean + first, std + first, ε, z is null ? null : z + at, dz + at, new Sink(sum, adds: copy > 0)), 0, 0, count);
        }
        Pointwise.Run(new SumAt(active, sum - first, dλ), own - first, first, first + count);
    }

    private readonly struct TermAt(float* x, float* mean, float* std, float* ε, float* z, float* dz, Sink sum) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            V dy = z is null ? V.Load(dz + i) : V.Select(V.Load(z + i) > 0f, V.Load(dz + i), 0f);
            V noise = V.Fma(V.Load(std + i), V.Load(ε + i), V.Load(mean + i));
            sum.Put(i, dy * (V.Load(x + i) - noise));
        }
    }

    private readonly struct SumAt(float* active, float* sum, Sink dλ) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> => dλ.Put(i, V.Load(active + feature) * V.Load(sum + feature));
    }
}

/// <summary>A block of a row with noise added; so many rows of y come from each row of x.</summary>
internal readonly unsafe struct AddNoiseTiles(NoiseRows noise, int repeats, float* x, float scale, float* y) : ITiles
{
    [SkipLocalsInit]
    public void Run(int tile, int worker)
    {
        float* scratch = stackalloc float[NoiseRows.Scratch];
        (int row, int first, int count) = noise.Tile(tile);
        float* ε = noise.Block(row / noise.Copies, row % noise.Copies, first, count, scratch);
        Pointwise.Run(new At(x + (long)(row / repeats) * noise.Row + first, ε, scale, y + (long)row * noise.Row + first), 0, 0, count);
    }

    private readonly struct At(float* x, float* ε, float scale, float* y) : IPointwise
    {
        void IPointwise.At<V>(int i, int feature) => V.Store(V.Fma(scale, V.Load(ε + i), V.Load(x + i)), y + i);
    }
}
