using Engine.Autograd;
using Engine.Backends;
using Engine.Ops;
using Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The bottleneck itself (paper section 3.1), whoever makes its mask: λ = blur(sigmoid(α)), Z = λ R + (1 - λ) ε, and the information
/// that still passes.
/// </summary>
internal sealed class Restriction : IDisposable
{
    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly TensorScope _tensors;
    private readonly NeuronStatistics _neurons;
    private readonly Tensor? _taps;

    /// <param name="backend">Where it runs.</param>
    /// <param name="statistics">Of the features R.</param>
    /// <param name="images">Images to a batch.</param>
    /// <param name="settings">Copies, smoothing, spread and the noise's key.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> is to be used in place of the generator's.</param>
    public Restriction(IBackend backend, FeatureStatistics statistics, int images, BottleneckSettings settings, bool recordedNoise)
    {
        (_backend, _settings) = (backend, settings);
        Shape features = statistics.Origin.Shape.WithN(images);
        _tensors = new TensorScope(backend);
        Features = _tensors.Allocate(features);
        Standardised = _tensors.Allocate(features);
        NoiseWords = _tensors.Allocate(new Shape(images));
        Noise = recordedNoise ? _tensors.Allocate(features.WithN(images * settings.Copies)) : null;
        _neurons = new NeuronStatistics(backend, statistics, settings);
        if (settings.Sigma > 0)
        {
            float[] taps = GaussianTaps.Of(settings.Sigma);
            _taps = _tensors.Upload(taps, new Shape(taps.Length));
        }
    }

    /// <summary>(I, H, W, C) the features R of the images.</summary>
    public Tensor Features { get; }

    /// <summary>(I, H, W, C) the features in units of their own spread.</summary>
    public Tensor Standardised { get; }

    /// <summary>(I) a whole number below 2^24 for each image, kept as a float: which noise it meets.</summary>
    public Tensor NoiseWords { get; }

    /// <summary>(I x copies, H, W, C) noise to be used, where asked for.</summary>
    public Tensor? Noise { get; }

    /// <summary>Makes <see cref="Standardised"/> of the features that were written.</summary>
    public void Standardise() => _backend.Standardise(Features, _neurons.Mean, _neurons.Std, Standardised);

    /// <summary>Writes the bottleneck on α's tape.</summary>
    /// <param name="α">(I, H, W, C) the parameters of the masks.</param>
    /// <param name="step">(1) the noise's step word.</param>
    /// <param name="clamp">Whether Z is held at 0 from below.</param>
    /// <returns>Z (I x copies, H, W, C), and the information in nats that passes each neuron (I, H, W, C).</returns>
    public (Value Z, Value Capacity) Record(Value α, Tensor step, bool clamp)
    {
        Tape tape = α.Tape;
        Value λ = α.Sigmoid();
        if (_taps is not null)
            λ = λ.Blur(tape.Constant(_taps, "taps"));
        λ.Named("λ");

        (Value Mean, Value Std, Value Active) neurons = _neurons.On(tape);
        Value r = tape.Constant(Features, "R"), words = tape.Constant(NoiseWords, "noise words"), steps = tape.Constant(step, "step");
        Value? noise = Noise is null ? null : tape.Constant(Noise, "ε");
        var restrict = new Restrict(_settings.Copies, _settings.Seed, clamp, Recorded: noise is not null);
        Value z = r.Restrict(λ, neurons, words, steps, restrict, noise).Named("Z");
        return (z, tape.Constant(Standardised, "r").Information(λ, neurons.Active).Named("capacity"));
    }

    public void Dispose()
    {
        _neurons.Dispose();
        _tensors.Dispose();
    }
}
