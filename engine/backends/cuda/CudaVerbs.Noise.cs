using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y) => Run(Launch.AddNoise(x, noise, scale, y), y);
}
