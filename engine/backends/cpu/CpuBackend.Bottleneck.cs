using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void RestrictBackward(Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Information(Tensor r, Tensor λ, Tensor active, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) => throw new NotImplementedException();
}
