using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) =>
        EachOfRows(x.Shape.N, x.Shape.Row, new StandardiseAt(Read(x), Read(mean), Read(std), Write(y)));

    /// <inheritdoc/>
    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z)
    {
        var rows = new NoiseRows(noise, z.Shape.N / x.Shape.N, x.Shape.Row);
        _workers.Run(rows.Tiles(x.Shape.N), new RestrictTiles(rows, Read(x), Read(λ), Read(mean), Read(std), Read(active), clamp, Write(z)));
    }

    /// <inheritdoc/>
    public void RestrictBackward(Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ)
    {
        var rows = new NoiseRows(noise, dz.Shape.N / x.Shape.N, x.Shape.Row);
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
            // ((λ r)² + (1 - λ)² - 1) / 2 - ln(1 - λ), without the 1s that would swallow the digits of a small λ: the second term's rest
            // is what the subtraction 1 - λ rounded away.
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

    /// <summary>1 - λ, held above 2^-24, the distance of 1 from the next smaller float: λ = 1 then has finite information.</summary>
    private static V Spread<V>(V λ) where V : struct, ILanes<V> => V.Max(1f - λ, 5.9604645e-8f);
}
