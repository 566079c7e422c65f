using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    /// <summary>As <see cref="IBackend.CrossEntropy"/>; a target that is not a class index gives NaN.</summary>
    public static Launch CrossEntropy(Tensor logits, Tensor targets, Tensor y) =>
        new("cross_entropy", "cross_entropy_forward", new Extent((uint)logits.Shape.N), Threads(256), logits, targets, y, logits.Shape.C);

    public static Launch CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits) =>
        new("cross_entropy", "cross_entropy_backward", new Extent((uint)logits.Shape.N), Threads(256),
            logits, targets, dy, dlogits.Tensor, logits.Shape.C, dlogits.Adds);
}
