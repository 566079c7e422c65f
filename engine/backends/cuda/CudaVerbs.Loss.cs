using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, Tensor y) => Run(Launch.CrossEntropy(logits, targets, y), y);

    /// <inheritdoc/>
    public void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits) =>
        Run(Launch.CrossEntropyBackward(logits, targets, dy, dlogits), dlogits.Tensor);
}
