using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Paths;

/// <summary>One step of a per-sample bottleneck, before its update.</summary>
/// <param name="Alpha">H x W x C parameters α of the mask.</param>
/// <param name="Mask">H x W x C numbers λ.</param>
/// <param name="AlphaGradient">H x W x C: the gradient of the loss with respect to α.</param>
public sealed record LoopStep(float[] Alpha, float[] Mask, float[] AlphaGradient);

/// <summary>The loop of the per-sample bottleneck on a kept tape, with one photo, at one of its steps.</summary>
public sealed class RecordedLoop : IDisposable
{
    private readonly MaskFit _fit;

    /// <param name="network">The classifier.</param>
    /// <param name="statistics">Statistics of the features at the bottleneck's layer.</param>
    /// <param name="image">(1, H, W, 3) the shape of a photo.</param>
    /// <param name="sample">The photo.</param>
    /// <param name="settings">The bottleneck's.</param>
    /// <param name="step">Updates done before the tape is handed out.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the network has no such class.</exception>
    public RecordedLoop(Network network, FeatureStatistics statistics, Shape image, Sample sample, BottleneckSettings settings, int step)
    {
        Setting.Demand(step >= 0, "step", step, "at least 0");
        Sample.Check([sample], image, "the per-sample bottleneck");
        string layer = statistics.Origin.Layer;
        IBackend backend = network.Backend;
        using var trunk = new Inference(network.Until(layer), image.WithN(1));
        using var head = new Inference(network.After(layer), statistics.Origin.Shape.WithN(1));
        Features = statistics.Origin.Shape.WithN(1);
        _fit = new MaskFit(network.After(layer), statistics, 1, settings with { Steps = step + 1 }, keepsEverything: true);
        try
        {
            float[] logits = head.Run(trunk.Run(sample.Pixels));
            Target = Classes.Explained(sample.Target, logits);
            Probability = Classes.Probabilities(logits)[Target];
            backend.Copy(trunk.Output, _fit.Features);
            _fit.Begin([sample.NoiseWord], [Target]);
            for (int done = 0; done < step; done++)
            {
                float[] alpha = backend.Read(_fit.Alpha);
                _fit.StepByVerbs();
                Steps.Add(new LoopStep(alpha, backend.Read(_fit.Mask), backend.Read(_fit.AlphaGradient!)));
            }
            // The lines after the noise, up to the logits; the copies are a batch.
            Layers = ["α", "λ", "Z", .. RecordedScore.LayersOn(Tape, network.After(layer))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The tape, at the step that was asked for.</summary>
    public Tape Tape => _fit.Recorded.Tape;

    /// <summary>(1) cross-entropy plus β times the mean information.</summary>
    public Value Loss => _fit.Recorded.Loss;

    /// <summary>(1, H, W, C) the shape of α and λ.</summary>
    public Shape Features { get; }

    /// <summary>The class.</summary>
    public int Target { get; }

    /// <summary>The network's probability of the class, without the bottleneck.</summary>
    public double Probability { get; }

    /// <summary>The lines from the mask to the logits, at which the loop could be cut. The information's own path from λ to the loss is beside them.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>The steps before it.</summary>
    public List<LoopStep> Steps { get; } = [];

    /// <inheritdoc/>
    public void Dispose() => _fit.Dispose();
}
