using Engine.Backends;

namespace Engine.Autograd;

/// <summary>
/// Replaces the derivative of some ops for one backward pass: guided backpropagation, LRP and PatternAttribution are rules
/// on the tape that a plain gradient uses. Rules match ops, so record the network as its parts, not fused.
/// </summary>
public abstract class BackwardRule
{
    /// <summary>
    /// Given d[y], adds to the gradient of every input of y that wants one, and returns true; returns false to leave y to its own op.
    /// </summary>
    public abstract bool Backward(IBackend on, Value y, Gradients d);
}
