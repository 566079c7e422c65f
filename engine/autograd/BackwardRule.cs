using Engine.Backends;
using Engine.Tensors;

namespace Engine.Autograd;

/// <summary>
/// Replaces the derivative of some ops for one backward pass: guided backpropagation, LRP and PatternAttribution are rules
/// on the tape that a plain gradient uses. Rules match ops, so record the network as its parts, not fused.
/// </summary>
public abstract class BackwardRule
{
    /// <summary>
    /// Adds one term to the gradient of every input of y that wants one, and returns true; returns false to leave y to its own op.
    /// </summary>
    /// <param name="on">Where.</param>
    /// <param name="y">The output of the op.</param>
    /// <param name="dy">What arrived at y, before any ReLU that y ends in. It may be overwritten, for the op if it is left to that.</param>
    /// <param name="d">Where the terms go.</param>
    public abstract bool Backward(IBackend on, Value y, Tensor dy, Gradients d);

    /// <summary>Whether the rule reads the data of y's input, where the op itself might not.</summary>
    public virtual bool RereadsInput(Value y, int input) => false;

    /// <summary>Whether the rule reads the data of y, where the op itself might not.</summary>
    public virtual bool RereadsOutput(Value y) => false;

    /// <summary>Shapes of the memory that the rule works in while it handles y; <see cref="Gradients.Scratch"/> hands it over.</summary>
    public virtual IEnumerable<Shape> Scratch(Value y) => [];
}
