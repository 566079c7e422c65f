using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <inheritdoc/>
    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) =>
        EachOfRows(x.Shape.N, x.Shape.Row, new StandardiseAt(Read(x), Read(mean), Read(std), Write(y)));

    /// <inheritdoc/>
    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z)
    {
        NoiseRows rows = RowsOf(noise, z.Shape.N / x.Shape.N, x.Shape.Row);
        var tiles = new RestrictTiles(rows, Read(x), Read(λ), Read(mean), Read(std), Read(active), clamp, Write(z));
        _workers.Run(rows.Tiles(x.Shape.N), tiles);
    }

    /// <inheritdoc/>
    public void RestrictBackward(
        Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ)
    {
        NoiseRows rows = RowsOf(noise, dz.Shape.N / x.Shape.N, x.Shape.Row);
        _workers.Run(rows.Tiles(x.Shape.N), new RestrictBackwardTiles(
            rows, Read(x), Read(mean), Read(std), Read(active), clamp ? Read(z) : null, Read(dz), Into(dλ)));
    }

    /// <inheritdoc/>
    public void Information(Tensor r, Tensor λ, Tensor active, Tensor y) =>
        EachOfRows(r.Shape.N, r.Shape.Row, new InformationAt(Read(r), Read(λ), Read(active), Write(y)));

    /// <inheritdoc/>
    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        EachOfRows(r.Shape.N, r.Shape.Row, new InformationBackwardAt(Read(r), Read(λ), Read(active), Read(dy), Into(dλ)));

    private readonly struct StandardiseAt(float* x, float* mean, float* std, float* y) : IPointwise
    {
        public void At<V>(int i, int feature) where V : struct, ILanes<V> =>
            V.Store((V.Load(x + i) - V.Load(mean + feature)) / V.Load(std + feature), y + i);
    }

    private readonly struct InformationAt(float* r, float* λ, float* active, float* y) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            // ((λ r)² + (1 - λ)² - 1) / 2 - ln(1 - λ), rearranged so that no 1 cancels the digits of a small λ. The second part of the
            // logarithm corrects for the rounding of 1 - λ.
            (V features, V passes) = (V.Load(r + i), V.Load(λ + i));
            V σ = Spread(passes);
            V log = Lanes.LogOfNormal(σ) + ((1f - (1f - passes)) - passes) / σ;
            V.Store(V.Load(active + feature) * (0.5f * passes * passes * (features * features + 1f) - passes - log), y + i);
        }
    }

    private readonly struct InformationBackwardAt(float* r, float* λ, float* active, float* dy, Sink dλ) : IPointwise
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(int i, int feature) where V : struct, ILanes<V>
        {
            (V features, V passes) = (V.Load(r + i), V.Load(λ + i));
            dλ.Put(i, V.Load(dy + i) * V.Load(active + feature) * passes * (features * features + (2f - passes) / Spread(passes)));
        }
    }

    /// <summary>
    /// 1 - λ, with the lower bound 2^-24 (the distance from 1 to the next smaller float), so that λ = 1 has finite information.
    /// </summary>
    private static V Spread<V>(V λ) where V : struct, ILanes<V> => V.Max(5.9604645e-8f, 1f - λ);

    /// <summary>
    /// Restricts a block of one image's features in all copies. What the copies share (features, mask, statistics) is loaded into the cache
    /// once, and the noise never leaves the cache.
    /// </summary>
    private readonly struct RestrictTiles(
        NoiseRows noise, float* x, float* λ, float* mean, float* std, float* active, bool clamp, float* z) : ITiles
    {
        [SkipLocalsInit]
        public void Run(int tile, int worker)
        {
            float* scratch = stackalloc float[NoiseRows.Scratch];
            (int image, int first, int count) = noise.Tile(tile);
            long offset = (long)image * noise.Row + first;
            float floor = clamp ? 0f : float.NegativeInfinity;
            for (int copy = 0; copy < noise.Copies; copy++)
            {
                float* to = z + noise.Offset(image, copy, first);
                Prefetch.IntoL1(to, count);
                float* ε = noise.Block(image, copy, first, count, scratch);
                Pointwise.Run(new RestrictAt(x + offset, λ + offset, mean + first, std + first, active + first, ε, floor, to), 0, 0, count);
            }
        }

        private readonly struct RestrictAt(
            float* x, float* λ, float* mean, float* std, float* active, float* ε, float floor, float* z) : IPointwise
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<V>(int i, int feature) where V : struct, ILanes<V>
            {
                V passes = V.Load(λ + i);
                V noise = V.Fma(V.Load(std + i), V.Load(ε + i), V.Load(mean + i));
                V mixed = V.Fma(passes, V.Load(x + i), (1f - passes) * noise);
                V.Store(V.Max(floor, V.Load(active + i) * mixed), z + i);
            }
        }
    }

    /// <summary>The gradient of a block of one image's mask, summed over its copies in order. The noise is generated again.</summary>
    private readonly struct RestrictBackwardTiles(
        NoiseRows noise, float* x, float* mean, float* std, float* active, float* z, float* dz, Sink dλ) : ITiles
    {
        [SkipLocalsInit]
        public void Run(int tile, int worker)
        {
            float* scratch = stackalloc float[NoiseRows.Scratch];
            float* sum = stackalloc float[NoiseRows.Features];
            (int image, int first, int count) = noise.Tile(tile);
            int offset = image * noise.Row + first;
            for (int copy = 0; copy < noise.Copies; copy++)
            {
                long at = noise.Offset(image, copy, first);
                Prefetch.IntoL1(dz + at, count);
                float* ε = noise.Block(image, copy, first, count, scratch);
                float* gate = z is null ? null : z + at;
                var term = new TermAt(x + offset, mean + first, std + first, ε, gate, dz + at, new Sink(sum, adds: copy > 0));
                Pointwise.Run(term, 0, 0, count);
            }
            Pointwise.Run(new SumAt(active, sum - first, dλ), offset - first, first, first + count);
        }

        private readonly struct TermAt(float* x, float* mean, float* std, float* ε, float* z, float* dz, Sink sum) : IPointwise
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<V>(int i, int feature) where V : struct, ILanes<V>
            {
                V dy = z is null ? V.Load(dz + i) : V.Gated(V.Load(dz + i), V.Load(z + i));
                V noise = V.Fma(V.Load(std + i), V.Load(ε + i), V.Load(mean + i));
                sum.Put(i, dy * (V.Load(x + i) - noise));
            }
        }

        private readonly struct SumAt(float* active, float* sum, Sink dλ) : IPointwise
        {
            public void At<V>(int i, int feature) where V : struct, ILanes<V> =>
                dλ.Put(i, V.Load(active + feature) * V.Load(sum + feature));
        }
    }
}
