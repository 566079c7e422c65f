using Engine.Tensors;

namespace Engine.Optimizers;

/// <summary>Changes parameters in place by their gradients, one step at a time.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>The size of the next step; a schedule changes it between steps.</summary>
    double LearningRate { get; set; }

    /// <summary>Everything that is remembered from step to step, always in the same order: what a checkpoint must keep.</summary>
    IReadOnlyList<Tensor> State { get; }

    /// <summary>Changes every parameter by its gradient, given in the order of the parameters, and counts the step.</summary>
    /// <exception cref="ArgumentException">There are not as many gradients as parameters.</exception>
    void Step(params ReadOnlySpan<Tensor> gradients);
}
