using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// Replaces the derivative of some ops for one backward pass. Guided backpropagation, LRP and PatternAttribution are rules on the tape that
/// also computes the plain gradient. Rules match single ops, so record the network unfused.
/// </summary>
public abstract class BackwardRule
{
    /// <summary>
    /// Adds one term to the gradient of every input of y that wants one, and returns true; returns false to leave y to its own op.
    /// </summary>
    /// <param name="on">The device.</param>
    /// <param name="y">The op's output.</param>
    /// <param name="dy">The gradient of y, before any ReLU that y ends in. It may be overwritten, as input of the op if the rule returns
    /// false.</param>
    /// <param name="d">The gradients that receive the terms.</param>
    public abstract bool Backward(IBackend on, Value y, Tensor dy, Gradients d);

    /// <summary>Whether the rule reads the data of y's input, even if the op does not.</summary>
    public virtual bool RereadsInput(Value y, int input) => false;

    /// <summary>Whether the rule reads the data of y, even if the op does not.</summary>
    public virtual bool RereadsOutput(Value y) => false;

    /// <summary>Shapes of the scratch memory that the rule needs at y; <see cref="Gradients.Scratch"/> returns it.</summary>
    public virtual IEnumerable<Shape> Scratch(Value y) => [];
}
