using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) => Run(Launch.Standardise(x, mean, std, y), y);

    /// <inheritdoc/>
    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) =>
        Run(Launch.Restrict(x, λ, mean, std, active, noise, clamp, z), z);

    /// <inheritdoc/>
    public void RestrictBackward(Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ) =>
        Run(Launch.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, dλ), dλ.Tensor);

    /// <inheritdoc/>
    public void Information(Tensor r, Tensor λ, Tensor active, Tensor y) => Run(Launch.Information(r, λ, active, y), y);

    /// <inheritdoc/>
    public bool FusesMask(Shape λ, int taps) => Launch.BlurFits(λ, taps);

    /// <inheritdoc/>
    public void Mask(Tensor α, Tensor taps, Tensor λ) => Run(Launch.Mask(α, taps, λ), λ);

    /// <inheritdoc/>
    public void MaskAdam(Tensor α, Tensor dλ, Tensor taps, Tensor m, Tensor v, Tensor step, AdamSettings settings)
    {
        Run(Launch.MaskBackwardAdam(α, dλ, taps, m, v, step, settings), α);
        Written(m);
        Written(v);
    }

    /// <inheritdoc/>
    public void InformationSum(Tensor r, Tensor λ, Tensor active, float factor, Tensor y)
    {
        _device.Enter(nameof(InformationSum));
        nint partial = (nint)_scratch.Get(ScratchUse.Partial, Launch.InformationScratch(r, y));
        Run(Launch.InformationChunks(r, λ, active, partial, y), y);
        Run(Launch.SumTotal(r, partial, factor, y), y);
    }

    /// <inheritdoc/>
    public void RestrictInformationBackward(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz,
        float weight, Accumulator dλ) => Run(Launch.RestrictInformationBackward(x, λ, mean, std, active, noise, clamp, z, dz, weight, dλ), dλ.Tensor);

    /// <inheritdoc/>
    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        Run(Launch.InformationBackward(r, λ, active, dy, dλ), dλ.Tensor);
}
