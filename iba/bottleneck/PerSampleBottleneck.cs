using Engine.Backends;
using Engine.Networks;
using Engine.Tensors;
using Iba.Attribution;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The per-sample bottleneck (paper section 3.2): for each image, noise is let into one layer wherever the decision does not need what
/// is there, and what still passes is counted in bits.
/// </summary>
public sealed class PerSampleBottleneck : IAttributionMethod
{
    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly Shape _image;
    private readonly int _batch;
    private readonly Inference _trunk;
    private readonly Inference _head;
    private readonly MaskFit _fit;

    /// <param name="network">The classifier.</param>
    /// <param name="statistics">Of the features at the bottleneck's layer, for images of the same size.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="batch">Images to fit at a time, each with its own mask.</param>
    /// <param name="settings">Hyper-parameters; null for the paper's.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, to be held against the statistics'; empty if unknown.</param>
    /// <exception cref="StatisticsException">The statistics belong to another network, layer, size or weights.</exception>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public PerSampleBottleneck(
        Network network, FeatureStatistics statistics, Shape image, int batch = 1, BottleneckSettings? settings = null, string weightsSha256 = "")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        (_backend, _settings, _image, _batch) = (network.Backend, settings ?? new BottleneckSettings(), image, batch);
        string layer = statistics.Origin.Layer;
        Network until = network.Until(layer), after = network.After(layer);
        Shape features = until.Output(image);
        statistics.MustFit(new FeatureOrigin(network.Name, network.Resolve(layer), features, weightsSha256));

        _trunk = new Inference(until, image.WithN(batch));
        _head = new Inference(after, features.WithN(batch));
        _fit = new MaskFit(after, statistics, batch, _settings);
    }

    /// <inheritdoc/>
    public string Name => "per-sample";

    /// <inheritdoc/>
    public IEnumerable<Attribution.Attribution> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        for (int first = 0; first < samples.Count; first += _batch)
        {
            int count = Math.Min(_batch, samples.Count - first);
            Sample[] batch = [.. samples.Skip(first).Take(count)];
            int[] targets = Prepare(batch, out float[] logits);
            for (int step = 0; step < _settings.Steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new AttributionProgress(first, samples.Count, step, _settings.Steps));
                _fit.Step();
            }
            if (_settings.FinalMap == FinalMap.AfterLastUpdate)
                _fit.Evaluate();

            foreach (BottleneckAttribution result in Read(targets, logits))
                yield return result;
            progress?.Report(new AttributionProgress(first + count, samples.Count, 0, _settings.Steps));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fit.Dispose();
        _head.Dispose();
        _trunk.Dispose();
    }

    /// <summary>Runs the trunk and the plain network, and sets the fit up.</summary>
    private int[] Prepare(Sample[] samples, out float[] logits)
    {
        var batch = new SampleBatch(samples, _batch);
        batch.Upload(_backend, _trunk.Input);
        _trunk.Run();
        _backend.Copy(_trunk.Output, _head.Input);
        _head.Run();
        logits = new float[_head.Output.Shape.Count];
        _backend.Download(_head.Output, logits);

        int[] targets = batch.Targets(logits);
        _backend.Copy(_trunk.Output, _fit.Features);
        _backend.Upload(batch.NoiseWords, _fit.NoiseWords);
        _backend.Upload([.. targets.SelectMany(target => Enumerable.Repeat((float)target, _settings.Copies))], _fit.Targets);
        _fit.Begin();
        return targets[..samples.Length];
    }

    private IEnumerable<BottleneckAttribution> Read(int[] targets, float[] logits)
    {
        float[] capacity = Download(_fit.Capacity), restricted = Download(_fit.Logits);
        float[] model = Download(_fit.ModelHistory), information = Download(_fit.InformationHistory);
        Shape features = _fit.Features.Shape;
        int classes = logits.Length / _batch;
        for (int i = 0; i < targets.Length; i++)
        {
            int image = i;
            var steps = Enumerable.Range(0, _settings.Steps).Select(step => step * _batch + image);
            StepLoss[] losses = [.. steps.Select(at => new StepLoss(model[at], information[at], _settings.Beta))];
            var map = new CapacityMap(features.H, features.W, features.C, capacity.AsSpan(i * features.Row, features.Row));
            double probability = Enumerable.Range(i * _settings.Copies, _settings.Copies)
                .Average(row => Classes.Softmax(restricted.AsSpan(row * classes, classes))[targets[image]]);
            yield return new BottleneckAttribution(
                map.Heatmap(_image.H, _image.W), targets[i], logits[(i * classes)..((i + 1) * classes)], map.TotalBits, probability, losses);
        }

        float[] Download(Tensor tensor)
        {
            var numbers = new float[tensor.Shape.Count];
            _backend.Download(tensor, numbers);
            return numbers;
        }
    }
}
