using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void BiasBackward(Tensor dy, Accumulator db) => throw new NotImplementedException();
}
