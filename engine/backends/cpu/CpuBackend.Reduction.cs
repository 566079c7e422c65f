using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Sum(Tensor x, float factor, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void SumBackward(Tensor dy, float factor, Accumulator dx) => throw new NotImplementedException();
}
