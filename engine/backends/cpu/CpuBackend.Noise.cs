using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y) => throw new NotImplementedException();
}
