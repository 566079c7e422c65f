using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;

namespace Iba.Engine.Training;

/// <summary>The result of one step, computed before the update.</summary>
/// <param name="Loss">Mean cross-entropy of the batch, nats.</param>
/// <param name="Correct">The number of images whose class had the largest logit.</param>
public readonly record struct StepResult(double Loss, int Correct);

/// <summary>
/// Forward pass, backward pass and an optimizer step for one batch size: a tape recorded and planned once, then replayed without
/// allocation. The network's parameters are updated in place.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Tape _tape;
    private readonly Tensor _images, _targets;
    private readonly Value _logits, _losses, _mean;
    private readonly Optimizer _optimizer;
    private readonly TensorScope _tensors;
    private readonly Value[] _leaves;
    private readonly Tensor[] _gradients;
    private readonly float[] _hostLogits, _hostLosses;

    /// <param name="network">The network being trained.</param>
    /// <param name="optimizer">The optimizer of the network's parameters, in their order.</param>
    /// <param name="images">The shape (N, H, W, C) of a batch.</param>
    /// <exception cref="ShapeException">The network cannot take that shape.</exception>
    public Trainer(Network network, Optimizer optimizer, Shape images)
    {
        _optimizer = optimizer;
        _tensors = new TensorScope(network.Backend);
        _images = _tensors.Allocate(images);
        _targets = _tensors.Allocate(new Shape(images.N));
        _tape = new Tape(network.Backend);
        _logits = network.Record(_tape.Constant(_images, "images"), trains: true);
        _losses = _logits.CrossEntropy(_tape.Constant(_targets, "targets"));
        _mean = _losses.Mean();
        _tape.Plan(_mean, _logits, _losses);
        _leaves = [.. network.Parameters.Select(parameter => _tape[parameter.Name])];
        _gradients = new Tensor[_leaves.Length];
        _hostLogits = new float[_logits.Shape.Count];
        _hostLosses = new float[images.N];
    }

    /// <summary>Trains one step on one batch.</summary>
    /// <param name="images">N x H x W x C elements.</param>
    /// <param name="targets">N class indices, stored as floats.</param>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    public StepResult Step(ReadOnlySpan<float> images, ReadOnlySpan<float> targets)
    {
        using Backend.Call step = _tape.Backend.Enter("Trainer.Step");
        _tape.Backend.Upload(images, _images);
        _tape.Backend.Upload(targets, _targets);
        _tape.Forward();
        StepResult result = Judge(targets);
        Gradients d = _tape.Backward(_mean);
        for (int i = 0; i < _leaves.Length; i++)
            _gradients[i] = d[_leaves[i]];
        _optimizer.Step(_gradients);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _tensors.Dispose();
    }

    private StepResult Judge(ReadOnlySpan<float> targets)
    {
        _tape.Backend.Download(_losses, _hostLosses);
        _tape.Backend.Download(_logits, _hostLogits);
        double loss = 0;
        int correct = 0, classes = _logits.Shape.C;
        for (int n = 0; n < targets.Length; n++)
        {
            loss += _hostLosses[n] / targets.Length;
            ReadOnlySpan<float> row = _hostLogits.AsSpan(n * classes, classes);
            float right = row[(int)targets[n]];
            correct += row.ContainsAnyExceptInRange(float.NegativeInfinity, right) ? 0 : 1;
        }
        return double.IsFinite(loss) ? new StepResult(loss, correct) : throw new DivergenceException();
    }
}

/// <summary>Training diverged: the loss is NaN or infinite.</summary>
public sealed class DivergenceException()
    : IbaException("training", "it diverged: the loss or a parameter is not finite any more", "Start again with a smaller learning rate.");
