using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Optimizers;

/// <summary>
/// Adam with PyTorch's semantics: with t = steps done + 1, m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²,
/// p -= lr / (1 - β1^t) m / (sqrt(v) / sqrt(1 - β2^t) + ε). The step count is on the device, so a recorded loop can be replayed.
/// </summary>
public sealed class Adam : Optimizer
{
    private readonly Tensor[] _means;
    private readonly Tensor[] _squares;

    /// <param name="backend">The device of the parameters.</param>
    /// <param name="settings">Learning rate and decays.</param>
    /// <param name="parameters">The tensors to be updated in place.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public Adam(IBackend backend, AdamSettings settings, params Tensor[] parameters) : base(backend, parameters)
    {
        settings.Check();
        Settings = settings;
        _means = [.. parameters.Select(p => backend.Allocate(p.Shape))];
        _squares = [.. parameters.Select(p => backend.Allocate(p.Shape))];
        StepCount = backend.Allocate(new Shape(1));
    }

    /// <summary>Learning rate and decays.</summary>
    public AdamSettings Settings { get; private set; }

    /// <inheritdoc/>
    public override double LearningRate
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
    public override IReadOnlyList<Tensor> State => [.. _means, .. _squares, StepCount];

    /// <summary>(1) the steps done, on the device.</summary>
    public Tensor StepCount { get; }

    /// <inheritdoc/>
    protected override void Update(ReadOnlySpan<Tensor> gradients)
    {
        for (int i = 0; i < gradients.Length; i++)
            Device.Adam(Parameters[i], gradients[i], _means[i], _squares[i], StepCount, Settings);
        Device.Advance(StepCount);
    }
}
