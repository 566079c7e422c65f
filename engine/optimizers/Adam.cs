using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>
/// Adam with PyTorch's semantics: with t = steps done + 1, m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²,
/// p -= lr / (1 - β1^t) m / (sqrt(v) / sqrt(1 - β2^t) + ε). The step count is on the device, so a recorded loop can be replayed.
/// </summary>
public sealed class Adam : IOptimizer
{
    private readonly IBackend _backend;
    private readonly Tensor[] _parameters;
    private readonly Tensor[] _means;
    private readonly Tensor[] _squares;

    /// <param name="backend">The device of the parameters.</param>
    /// <param name="settings">Learning rate and decays.</param>
    /// <param name="parameters">The tensors to be updated in place.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public Adam(IBackend backend, AdamSettings settings, params Tensor[] parameters)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (Tensor parameter in parameters)
            ArgumentNullException.ThrowIfNull(parameter, nameof(parameters));
        settings.Check();
        (_backend, Settings, _parameters) = (backend, settings, parameters);
        _means = [.. parameters.Select(p => backend.Allocate(p.Shape))];
        _squares = [.. parameters.Select(p => backend.Allocate(p.Shape))];
        StepCount = backend.Allocate(new Shape(1));
    }

    /// <summary>Learning rate and decays.</summary>
    public AdamSettings Settings { get; private set; }

    /// <inheritdoc/>
    public double LearningRate
    {
        get => Settings.LearningRate;
        set
        {
            AdamSettings changed = Settings with { LearningRate = value };
            changed.Check();
            Settings = changed;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> State => [.. _means, .. _squares, StepCount];

    /// <summary>(1) the steps done, on the device.</summary>
    public Tensor StepCount { get; }

    /// <inheritdoc/>
    public void Step(params ReadOnlySpan<Tensor> gradients)
    {
        if (gradients.Length != _parameters.Length)
            throw new ArgumentException($"{gradients.Length} gradients were given for {_parameters.Length} parameters.", nameof(gradients));
        using Backend.Call step = _backend.Enter("Adam.Step");
        for (int i = 0; i < _parameters.Length; i++)
            _backend.Adam(_parameters[i], gradients[i], _means[i], _squares[i], StepCount, Settings);
        _backend.Advance(StepCount);
    }

    /// <summary>Resets the state to that of a new optimizer.</summary>
    public void Reset()
    {
        foreach (Tensor state in State)
            _backend.Fill(state, 0f);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor state in State)
            state.Storage.Dispose();
    }
}
