using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>Updates parameters in place from their gradients, one step at a time.</summary>
public abstract class Optimizer : IDisposable
{
    /// <param name="backend">The device of the parameters.</param>
    /// <param name="parameters">The tensors to be updated in place.</param>
    protected Optimizer(IBackend backend, Tensor[] parameters)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (Tensor parameter in parameters)
            ArgumentNullException.ThrowIfNull(parameter, nameof(parameters));
        (Device, Parameters) = (backend, parameters);
    }

    /// <summary>The size of the next step; a schedule changes it between steps.</summary>
    /// <exception cref="ArgumentException">The value is out of its range.</exception>
    public abstract double LearningRate { get; set; }

    /// <summary>The state that is kept from step to step, always in the same order: what a checkpoint must save.</summary>
    public abstract IReadOnlyList<Tensor> State { get; }

    /// <summary>The device of the parameters.</summary>
    protected IBackend Device { get; }

    /// <summary>The tensors that are updated.</summary>
    protected IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>Updates every parameter from its gradient, given in the order of the parameters, and counts the step.</summary>
    /// <exception cref="ArgumentException">The number of gradients differs from the number of parameters.</exception>
    public void Step(params ReadOnlySpan<Tensor> gradients)
    {
        if (gradients.Length != Parameters.Count)
            throw new ArgumentException($"{gradients.Length} gradients were given for {Parameters.Count} parameters.", nameof(gradients));
        using Backend.Call step = Device.Enter("Optimizer.Step");
        Update(gradients);
    }

    /// <summary>Resets the state to that of a new optimizer.</summary>
    public void Reset()
    {
        foreach (Tensor state in State)
            Device.Fill(state, 0f);
    }

    /// <summary>Frees the state, not the parameters.</summary>
    public void Dispose()
    {
        foreach (Tensor state in State)
            state.Storage.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Updates the parameters and the state.</summary>
    /// <param name="gradients">A gradient for each parameter.</param>
    protected abstract void Update(ReadOnlySpan<Tensor> gradients);
}
