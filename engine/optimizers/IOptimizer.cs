using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>Updates parameters in place from their gradients, one step at a time.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>The size of the next step; a schedule changes it between steps.</summary>
    double LearningRate { get; set; }

    /// <summary>The state that is kept from step to step, always in the same order: what a checkpoint must save.</summary>
    IReadOnlyList<Tensor> State { get; }

    /// <summary>Updates every parameter from its gradient, given in the order of the parameters, and counts the step.</summary>
    /// <exception cref="ArgumentException">The number of gradients differs from the number of parameters.</exception>
    void Step(params ReadOnlySpan<Tensor> gradients);
}
