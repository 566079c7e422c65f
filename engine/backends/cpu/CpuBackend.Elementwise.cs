using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary => throw new NotImplementedException();

    /// <inheritdoc/>
    public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Multiply(Tensor a, Tensor b, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Accumulate(Tensor dy, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Gate(Tensor y, Tensor dy) => throw new NotImplementedException();
}
