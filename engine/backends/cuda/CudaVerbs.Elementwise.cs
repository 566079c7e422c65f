using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void Convert(Tensor x, Tensor y, bool adds) => Run(Launch.Convert(x, y, adds), y);

    /// <inheritdoc/>
    public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary => Run(Launch.Map(f, x, y), y);

    /// <inheritdoc/>
    public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary =>
        Run(Launch.MapBackward(f, x, y, dy, dx), dx.Tensor);

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y) => Run(Launch.Add(a, b, y), y);

    /// <inheritdoc/>
    public void Multiply(Tensor a, Tensor b, Tensor y) => Run(Launch.Multiply(a, b, y), y);

    /// <inheritdoc/>
    public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) => Run(Launch.MultiplyBackward(dy, other, dx), dx.Tensor);

    /// <inheritdoc/>
    public void Ratio(Tensor a, Tensor b, float epsilon, Tensor y) => Run(Launch.Ratio(a, b, epsilon, y), y);

    /// <inheritdoc/>
    public void Accumulate(Tensor dy, Accumulator dx) => Run(Launch.Accumulate(dy, dx), dx.Tensor);

    /// <inheritdoc/>
    public void Gate(Tensor y, Tensor dy) => Run(Launch.Gate(y, dy), dy);
}
