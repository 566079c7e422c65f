using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void AdaptiveAveragePool(Tensor x, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx) => throw new NotImplementedException();
}
