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
    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        Run(Launch.InformationBackward(r, λ, active, dy, dλ), dλ.Tensor);

    /// <inheritdoc/>
    public bool Turns(Shape λ, int taps) => λ.Rank == 4 && λ.C % 4 == 0 && Launch.TurnShared(λ) <= _device.MaxSharedBytes;

    /// <inheritdoc/>
    public void Turn(MaskTurn turn)
    {
        _device.Enter(nameof(Turn));
        nint partial = (nint)_scratch.Get(ScratchUse.Partial, Launch.TurnScratch(turn));
        Run(Launch.Turn(turn, partial), turn.Z);
        Run(Launch.TurnTotal(turn, partial), turn.Information);
        (Tensor α, Tensor m, Tensor v) = turn.Parameter;
        Written(α);
        Written(m);
        Written(v);
        Written(turn.Mask);
    }
}
