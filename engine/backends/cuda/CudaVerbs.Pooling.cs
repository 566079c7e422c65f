using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y) => Run(Launch.MaxPool(x, geometry, y), y);

    /// <inheritdoc/>
    public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx) =>
        Run(Launch.MaxPoolBackward(x, y, dy, geometry, dx), dx.Tensor);

    /// <inheritdoc/>
    public void AdaptiveAveragePool(Tensor x, Tensor y) => Run(Launch.AdaptiveAveragePool(x, y), y);

    /// <inheritdoc/>
    public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx) => Run(Launch.AdaptiveAveragePoolBackward(dy, dx), dx.Tensor);

    /// <inheritdoc/>
    public void Subsample(Tensor x, int stride, Tensor y) => Run(Launch.Subsample(x, stride, y), y);

    /// <inheritdoc/>
    public void SubsampleBackward(Tensor dy, int stride, Accumulator dx) => Run(Launch.SubsampleBackward(dy, stride, dx), dx.Tensor);
}
