using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw) => throw new NotImplementedException();
}
