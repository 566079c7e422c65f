using Engine.Tensors;

namespace Engine.Backends.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y) => Run(Launch.AddNoise(x, noise, scale, y), y);
}
