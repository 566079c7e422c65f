using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>
/// Gradient descent with momentum, with PyTorch's semantics: v = μ v + g + decay p, p -= lr v, v = 0 at first. The learning rate is not
/// part of v, so changing it takes effect on the whole accumulated velocity at once.
/// </summary>
public sealed class Sgd : Optimizer
{
    private readonly Tensor[] _velocities;

    /// <param name="backend">The device of the parameters.</param>
    /// <param name="settings">Learning rate, momentum and decay.</param>
    /// <param name="parameters">The tensors to be updated in place.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public Sgd(IBackend backend, SgdSettings settings, params Tensor[] parameters) : base(backend, parameters)
    {
        settings.Check();
        Settings = settings;
        _velocities = [.. parameters.Select(p => backend.Allocate(p.Shape))];
    }

    /// <summary>Learning rate, momentum and decay.</summary>
    public SgdSettings Settings { get; private set; }

    /// <inheritdoc/>
    public override double LearningRate
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
    public override IReadOnlyList<Tensor> State => _velocities;

    /// <inheritdoc/>
    protected override void Update(ReadOnlySpan<Tensor> gradients)
    {
        for (int i = 0; i < gradients.Length; i++)
            Device.SgdMomentum(Parameters[i], gradients[i], _velocities[i], Settings);
    }
}
