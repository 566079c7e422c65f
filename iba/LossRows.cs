using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba;

/// <summary>
/// What a <see cref="LogitLoss"/> is recorded from: the logits of some rows, and the class of each. A row is one noisy copy of an image; rows of
/// one image follow each other. Everything is recorded with the operations of <see cref="Operations"/> on one tape.
/// </summary>
public sealed class LossRows
{
    private readonly TensorScope _tensors;

    /// <param name="logits">(N, K).</param>
    /// <param name="targets">(N) class indices stored as floats.</param>
    /// <param name="tensors">Owns the constants.</param>
    internal LossRows(Value logits, Tensor targets, TensorScope tensors) =>
        (Logits, Targets, _tensors) = (logits, logits.Tape.Constant(targets, "targets"), tensors);

    /// <summary>(N, K) the logits.</summary>
    public Value Logits { get; }

    /// <summary>(N) the class that is explained, an index stored as a float. It changes from batch to batch.</summary>
    public Value Targets { get; }

    /// <summary>N.</summary>
    public int Rows => Logits.Shape.N;

    /// <summary>K.</summary>
    public int Classes => Logits.Shape.C;

    /// <summary>Numbers that do not change. Their memory is freed with the recording.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public Value Constant(ReadOnlySpan<float> numbers, Shape shape) => Logits.Tape.Constant(_tensors.Upload(numbers, shape), "constant");

    /// <summary>(N) -ln p of each row's target in nats: of the softmax, or for one output of the sigmoid.</summary>
    public Value Surprise() => Logits.Surprise(Targets);

    /// <summary>(N) -ln p of one class in nats.</summary>
    /// <exception cref="ArgumentException">The network has no such class.</exception>
    public Value Surprise(int index) => Logits.Surprise(Constant(Enumerable.Repeat((float)Existing(index), Rows).ToArray(), new Shape(Rows)));

    /// <summary>(N) the logit of one class.</summary>
    /// <exception cref="ArgumentException">The network has no such class.</exception>
    public Value Logit(int index)
    {
        Existing(index);
        float[] one = [.. Enumerable.Range(0, Rows * Classes).Select(at => at % Classes == index ? 1f : 0)];
        return (Logits * Constant(one, Logits.Shape)).MeanRows() * Classes;
    }

    /// <summary>The class, if the network has it.</summary>
    internal int Existing(int index) => index >= 0 && index < Classes ? index
        : throw new ArgumentException($"class {index} does not exist: the network's classes are 0 to {Classes - 1}.", nameof(index));
}
