using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>
/// Gradient descent with momentum, with PyTorch's semantics: v = μ v + g + decay p, p -= lr v, v = 0 at first. The learning rate is not
/// part of v, so changing it takes effect on the whole accumulated velocity at once.
/// </summary>
public sealed class Sgd : IOptimizer
{
    private readonly IBackend _backend;
    private readonly Tensor[] _parameters;
    private readonly Tensor[] _velocities;

    /// <param name="backend">The device of the parameters.</param>
    /// <param name="settings">Learning rate, momentum and decay.</param>
    /// <param name="parameters">The tensors to be updated in place.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public Sgd(IBackend backend, SgdSettings settings, params Tensor[] parameters)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (Tensor parameter in parameters)
            ArgumentNullException.ThrowIfNull(parameter, nameof(parameters));
        settings.Check();
        (_backend, Settings, _parameters) = (backend, settings, parameters);
        _velocities = [.. parameters.Select(p => backend.Allocate(p.Shape))];
    }

    /// <summary>Learning rate, momentum and decay.</summary>
    public SgdSettings Settings { get; private set; }

    /// <inheritdoc/>
    public double LearningRate
    {
        get => Settings.LearningRate;
        set
        {
            SgdSettings changed = Settings with { LearningRate = value };
            changed.Check();
            Settings = changed;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> State => _velocities;

    /// <inheritdoc/>
    public void Step(params ReadOnlySpan<Tensor> gradients)
    {
        if (gradients.Length != _parameters.Length)
            throw new ArgumentException($"{gradients.Length} gradients were given for {_parameters.Length} parameters.", nameof(gradients));
        using Backend.Call step = _backend.Enter("Sgd.Step");
        for (int i = 0; i < _parameters.Length; i++)
            _backend.SgdMomentum(_parameters[i], gradients[i], _velocities[i], Settings);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor velocity in _velocities)
            velocity.Storage.Dispose();
    }
}
