using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Append(Tensor x, Tensor step, Tensor history) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Advance(Tensor step) => throw new NotImplementedException();
}
