using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>What became of an image whose features were restricted.</summary>
/// <param name="Logits">The network's output for each noise sample.</param>
/// <param name="Nats">
/// The information that passes each neuron in nats, mean over all neurons of the layer; those that are masked out as inactive count as 0 (paper, table 4:
/// L_I / k). Infinite where λ is 1.
/// </param>
public sealed record RestrictedOutput(IReadOnlyList<float[]> Logits, double Nats);

/// <summary>
/// A classifier with a bottleneck of given masks: Z = λ R + (1 - λ) ε replaces the features R of one layer (paper, section 3.1).
/// <see cref="IBottleneck.Restricted"/> creates it. The noise of an image depends on the bottleneck's seed and the image only.
/// </summary>
public sealed class RestrictedNetwork : IDisposable
{
    private const string Title = "the restricted network";

    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly Shape _image;
    private readonly FeatureStatistics _statistics;
    private readonly TensorScope _tensors;
    private readonly Inference _trunk;
    private readonly Restriction _restriction;
    private readonly Tensor _mask;
    private readonly Tape _tape;
    private readonly Value _logits;
    private readonly Value _capacity;

    /// <param name="network">The classifier.</param>
    /// <param name="statistics">Statistics of the features at the bottleneck's layer.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="settings">The bottleneck's, with the number of copies that are wanted. Their seed is that of the maps: this noise has another one.</param>
    /// <param name="clamp">Whether Z is clamped to at least 0.</param>
    internal RestrictedNetwork(Network network, FeatureStatistics statistics, Shape image, BottleneckSettings settings, bool clamp)
    {
        // Of all keys that depend on the seed, any but the seed itself.
        const ulong Fresh = 1;

        settings.Check();
        settings.Check(statistics.Origin.Shape);
        _settings = settings with { Seed = new SplitMix(settings.Seed).Fork(Fresh).Bits(0) };
        (_backend, _statistics, _image) = (network.Backend, statistics, image.WithN(1));
        string layer = statistics.Origin.Layer;
        _tensors = new TensorScope(_backend);
        _tape = new Tape(_backend);
        try
        {
            _trunk = new Inference(network.Until(layer), _image);
            _restriction = new Restriction(_backend, statistics, 1, _settings, recordedNoise: false);
            _mask = _tensors.Allocate(statistics.Origin.Shape);
            Network after = network.After(layer);
            Element element = after.CanRound ? _backend.Activations : Element.Float32;
            (Value z, _capacity) = _restriction.Record(_tape.Constant(_mask, "λ"), _tensors.Allocate(new Shape(1)), clamp, element);
            _logits = after.Record(z, rounds: true).Widened();
            _tape.Plan(null, _logits, _capacity);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>(1, H, W, C) the features at the bottleneck's layer.</summary>
    public Shape Features => _statistics.Origin.Shape;

    /// <summary>λ of every neuron before anything is fitted: the sigmoid of <see cref="BottleneckSettings.InitialAlpha"/>.</summary>
    public float InitialMask => 1 / (1 + MathF.Exp(-_settings.InitialAlpha));

    /// <summary>Restricts the features of an image.</summary>
    /// <param name="sample">The image.</param>
    /// <param name="mask">H x W x C elements λ, 0 to 1: the fraction of its signal that passes each neuron.</param>
    /// <exception cref="ArgumentException">The image or the mask has another size, or values out of range.</exception>
    public RestrictedOutput Run(Sample sample, ReadOnlySpan<float> mask)
    {
        // A blurred mask is a mean of numbers up to 1 whose weights sum to 1 but for rounding.
        const float Most = 1 + 1e-6f;

        Sample.Check([sample], _image, Title);
        _statistics.MustBeOf([sample]);
        if (mask.Length != Features.Row)
            throw new ArgumentException($"a mask of {mask.Length} numbers was given; the features are {Features}, {Features.Row} numbers.", nameof(mask));
        if (mask.IndexOfAnyExceptInRange(0, Most) is >= 0 and var at)
            throw new ArgumentException($"λ of neuron {at} is {mask[at]}; it must be 0 to 1.", nameof(mask));

        using Backend.Call together = _backend.Enter(Title);
        _backend.Upload(sample.Pixels, _trunk.Input);
        _trunk.Run();
        _backend.Copy(_trunk.Output, _restriction.Features);
        _restriction.Standardise();
        _backend.Upload([sample.NoiseWord], _restriction.NoiseWords);
        _backend.Upload(mask, _mask);
        _tape.Forward();
        float[] logits = _backend.Read(_logits);
        double sum = 0;
        foreach (float nats in _backend.Read(_capacity))
            sum += nats;
        return new RestrictedOutput([.. logits.Chunk(logits.Length / _settings.Copies)], sum / Features.Row);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // If a constructor ran out of memory, the parts after it do not exist.
        _tape.Dispose();
        _restriction?.Dispose();
        _trunk?.Dispose();
        _tensors.Dispose();
    }
}
