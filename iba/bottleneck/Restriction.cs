using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The bottleneck itself (paper, section 3.1), however its mask is computed: λ = blur(sigmoid(α)), Z = λ R + (1 - λ) ε, and the information
/// that still passes.
/// </summary>
internal sealed class Restriction : IDisposable
{
    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly TensorScope _tensors;
    private readonly NeuronStatistics _neurons;
    private readonly Tensor? _taps;
    private readonly Tensor _cells;
    private Tensor? _map;

    /// <param name="backend">Where it runs.</param>
    /// <param name="statistics">Statistics of the features R.</param>
    /// <param name="images">Images per batch.</param>
    /// <param name="settings">Copies, smoothing, spread and the noise's key.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> replaces the generator's.</param>
    public Restriction(IBackend backend, FeatureStatistics statistics, int images, BottleneckSettings settings, bool recordedNoise)
    {
        (_backend, _settings) = (backend, settings);
        Shape features = statistics.Origin.Shape.WithN(images);
        _tensors = new TensorScope(backend);
        Features = _tensors.Allocate(features);
        Standardised = _tensors.Allocate(features);
        NoiseWords = _tensors.Allocate(new Shape(images));
        _cells = _tensors.Allocate(new Shape(images, features.H, features.W, 1));
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

    /// <summary>(I, H, W, C) the features minus their mean, in units of their standard deviation.</summary>
    public Tensor Standardised { get; }

    /// <summary>(I) the image index in the noise's counter: an integer below 2^24 per image, stored as a float.</summary>
    public Tensor NoiseWords { get; }

    /// <summary>(I x copies, H, W, C) recorded noise, if requested.</summary>
    public Tensor? Noise { get; }

    /// <summary>The weights of the blur along one axis; null without smoothing.</summary>
    public Tensor? Taps => _taps;

    /// <summary>(1, H, W, C) each: see <see cref="NeuronStatistics"/>.</summary>
    public (Tensor Mean, Tensor Std, Tensor Active) Statistics => (_neurons.Mean, _neurons.Std, _neurons.Active);

    /// <summary>Computes <see cref="Standardised"/> from the features that were written.</summary>
    public void Standardise() => _backend.Standardise(Features, _neurons.Mean, _neurons.Std, Standardised);

    /// <summary>Records the mask on α's tape.</summary>
    /// <param name="α">(I, H, W, C) the parameters of the masks.</param>
    /// <returns>(I, H, W, C) λ.</returns>
    public Value Mask(Value α)
    {
        Value λ = α.Sigmoid();
        if (_taps is not null)
            λ = λ.Blur(α.Tape.Constant(_taps, "taps"));
        return λ.Named("λ");
    }

    /// <summary>Records the bottleneck on λ's tape.</summary>
    /// <param name="λ">(I, H, W, C) the masks.</param>
    /// <param name="step">(1) the step in the noise's counter.</param>
    /// <param name="clamp">Whether Z is clamped to at least 0.</param>
    /// <param name="element">The type of Z's elements.</param>
    /// <returns>Z (I x copies, H, W, C), and the information in nats that passes each neuron (I, H, W, C).</returns>
    public (Value Z, Value Capacity) Record(Value λ, Tensor step, bool clamp, Element element = Element.Float32)
    {
        Tape tape = λ.Tape;
        (Value Mean, Value Std, Value Active) neurons = _neurons.On(tape);
        Value r = tape.Constant(Features, "R"), words = tape.Constant(NoiseWords, "noise words"), steps = tape.Constant(step, "step");
        Value? noise = Noise is null ? null : tape.Constant(Noise, "ε");
        var restrict = new Restrict(_settings.Copies, _settings.Seed, clamp, Recorded: noise is not null) { Element = element };
        Value z = r.Restrict(λ, neurons, words, steps, restrict, noise).Named("Z");
        return (z, tape.Constant(Standardised, "r").Information(λ, neurons.Active).Named("capacity"));
    }

    /// <summary>The bits of each cell of the layer, summed over channels on the device.</summary>
    /// <param name="capacity">(I, H, W, C) nats.</param>
    /// <param name="images">How many of the images are wanted.</param>
    public CapacityMap[] Cells(Tensor capacity, int images)
    {
        _backend.Sum(capacity, (float)(1 / Math.Log(2)), _cells);
        float[] bits = _backend.Read(_cells);
        (int h, int w) = (_cells.Shape.H, _cells.Shape.W);
        return [.. Enumerable.Range(0, images).Select(i => new CapacityMap(h, w, [.. bits.AsSpan(i * h * w, h * w)]))];
    }

    /// <summary>As <see cref="Cells"/>, and the maps that <see cref="CapacityMap.Heatmap"/> would draw of them, enlarged on the device.</summary>
    /// <param name="capacity">(I, H, W, C) nats.</param>
    /// <param name="images">How many of the images are wanted.</param>
    /// <param name="height">Rows of a map.</param>
    /// <param name="width">Columns of a map.</param>
    public (CapacityMap Cells, Heatmap Map)[] Maps(Tensor capacity, int images, int height, int width)
    {
        CapacityMap[] cells = Cells(capacity, images);
        if (_map is null || _map.Shape.H != height || _map.Shape.W != width)
            _map = _tensors.Allocate(new Shape(_cells.Shape.N, height, width, 1));
        _backend.Map(new Scale((float)((double)_cells.Shape.Row / ((double)height * width))), _cells, _cells);
        _backend.Resize(_cells, Corners.Mirrored, _map);
        float[] bits = _backend.Read(_map);
        return [.. cells.Select((each, i) => (each,
            new Heatmap(height, width, bits[(i * height * width)..((i + 1) * height * width)], HeatmapUnit.BitsPerPixel)))];
    }

    public void Dispose()
    {
        _neurons.Dispose();
        _tensors.Dispose();
    }
}
