using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The per-sample bottleneck (paper, section 3.2): for each image, noise replaces the features of one layer wherever the decision does not
/// need them, and the information that still passes is measured in bits.
/// </summary>
public sealed class PerSampleBottleneck : IBottleneck
{
    private readonly IBackend _backend;
    private readonly Network _network;
    private readonly BottleneckSettings _settings;
    private readonly Shape _image;
    private readonly int _batch;
    private readonly FeatureStatistics _statistics;
    private readonly string _layer;
    private readonly BatchCache<Loop> _recorded;

    /// <param name="network">The classifier.</param>
    /// <param name="statistics">Statistics of the features at the bottleneck's layer, for images of the same size.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="batch">Upper bound of the images fitted together, each with its own mask.</param>
    /// <param name="settings">Hyper-parameters; null for the paper's.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, compared with the statistics'; empty if unknown.</param>
    /// <exception cref="StatisticsException">The statistics belong to another network, layer, size or weights.</exception>
    /// <exception cref="ArgumentException">A setting is out of its range, or the copies of one image are more than a tensor can hold.</exception>
    public PerSampleBottleneck(
        Network network, FeatureStatistics statistics, Shape image, int batch = 1, BottleneckSettings? settings = null, string weightsSha256 = "")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        (_backend, _network, _image, _statistics) = (network.Backend, network, image, statistics);
        _settings = settings ?? new BottleneckSettings();
        string layer = statistics.Origin.Layer;
        statistics.MustBeOfLayerOf(network);
        Network until = network.Until(layer), after = network.After(layer);
        Shape features = until.Output(image);
        _layer = network.Resolve(layer);
        statistics.MustFit(new FeatureOrigin(network.Name, _layer, features, weightsSha256));

        _settings.Check();
        _settings.Check(features);
        _batch = Math.Min(batch, int.MaxValue / (_settings.Copies * features.Row));
        _recorded = new BatchCache<Loop>(images => new Loop(until, after, statistics, image.WithN(images), _settings, Loss));
    }

    /// <inheritdoc/>
    public string Name => "per-sample";

    /// <inheritdoc/>
    public bool KeepsMask { get; set; }

    /// <summary>The loss of the logits that is minimised together with the information; the paper's is cross-entropy.</summary>
    public LogitLoss Loss { get; init; } = LogitLoss.CrossEntropy;

    /// <summary>
    /// Numbers of updates after which the map is kept, too, as <see cref="BottleneckExplanation.Evolution"/>: up to the number that the map itself shows.
    /// Each is read back from the device during the fit.
    /// </summary>
    public IReadOnlyList<int> KeepsAfter { get; set; } = [];

    /// <inheritdoc/>
    public RestrictedNetwork Restricted(int copies) =>
        new(_network, _statistics, _image, _settings with { Copies = copies }, clamp: _settings.Spread == Spread.ReluRms);

    /// <inheritdoc/>
    public IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        Sample.Check(samples, _image, Name);
        _statistics.MustBeOf(samples);
        return new SampleBatches(samples, progress, cancellation).Explain(
            _recorded, left => _recorded.Part(left, _batch), (images, some, report) => Fit(_recorded.Of(images), some, report), _ => _settings.Steps);
    }

    /// <inheritdoc/>
    public void Dispose() => _recorded.Dispose();

    private BottleneckExplanation[] Fit(Loop loop, Sample[] samples, Action<int> report)
    {
        using Backend.Call together = _backend.Enter(Name);
        int[] targets = Prepare(loop, samples, out float[] logits);
        // An update that no map would show is skipped.
        bool last = _settings.FinalMap == FinalMap.AfterLastUpdate;
        List<EvolutionStep>[] kept = [.. samples.Select(_ => new List<EvolutionStep>())];
        int step = 0;
        NonFiniteLine? stop = null;
        try
        {
            for (; step < _settings.Steps; step++)
            {
                report(step);
                bool updates = last || step < _settings.Steps - 1, keeps = KeepsAfter.Contains(step);
                if (updates && !keeps)
                {
                    loop.Fit.Step();
                    continue;
                }
                loop.Fit.RecordLosses();
                if (keeps)
                    Keep();
                if (updates)
                    loop.Fit.Update();
            }
            if (last)
            {
                loop.Fit.Evaluate();
                if (KeepsAfter.Contains(step))
                    Keep();
            }
        }
        catch (NonFiniteLineException broken) when (samples.Length == 1 && KeepsAfter.Count > 0)
        {
            // The masks before the line are finite. Of several images, each is fitted again alone.
            stop = broken.Line;
            if (KeepsAfter.Contains(step) && loop.Fit.HasRestricted(stop))
                Keep();
        }
        return [.. Read(loop, targets, logits).Select((result, i) => result with { Evolution = kept[i], Stop = stop })];

        void Keep()
        {
            float[] restricted = _backend.Read(loop.Fit.Logits);
            foreach ((int i, CapacityMap cells) in loop.Fit.Cells(targets.Length).Index())
                kept[i].Add(new EvolutionStep(step, cells, Probability(restricted, i, targets[i], logits.Length / loop.Images)));
        }
    }

    /// <summary>Initialises the fit with the features and the class: from a pass over the images, where none is known.</summary>
    private int[] Prepare(Loop loop, Sample[] samples, out float[] logits)
    {
        var batch = new SampleBatch(samples, loop.Images);
        if (batch.KnownLogits(_layer) is { } known)
        {
            logits = known;
            batch.UploadKnown(_backend, _layer, loop.Fit.Features);
        }
        else
        {
            (Inference trunk, Inference head) = (loop.Trunk, loop.Head);
            batch.Upload(_backend, trunk.Input);
            trunk.Run();
            _backend.Copy(trunk.Output, head.Input);
            head.Run();
            logits = _backend.Read(head.Output);
            _backend.Copy(trunk.Output, loop.Fit.Features);
        }
        int[] targets = batch.Targets(logits, Loss);
        loop.Fit.Begin(batch.NoiseWords, targets);
        return targets[..samples.Length];
    }

    private IEnumerable<BottleneckExplanation> Read(Loop loop, int[] targets, float[] logits)
    {
        MaskFit fit = loop.Fit;
        (CapacityMap Cells, Heatmap Map)[] maps = fit.Maps(targets.Length, _image.H, _image.W);
        float[] restricted = _backend.Read(fit.Logits);
        (float[]? masks, float[]? capacity) = KeepsMask ? (_backend.Read(fit.Mask), _backend.Read(fit.Capacity)) : (null, null);
        float[] model = _backend.Read(fit.ModelHistory), information = _backend.Read(fit.InformationHistory);
        Shape features = fit.Features.Shape;
        int classes = logits.Length / loop.Images;
        for (int i = 0; i < targets.Length; i++)
        {
            int image = i;
            var steps = Enumerable.Range(0, _settings.Steps).Select(step => step * loop.Images + image);
            StepLoss[] losses = [.. steps.Select(at => new StepLoss(model[at], information[at], _settings.Beta))];
            double probability = Probability(restricted, i, targets[i], classes);
            yield return new BottleneckExplanation(
                maps[i].Map, targets[i], logits[(i * classes)..((i + 1) * classes)], maps[i].Cells.TotalBits, probability, losses)
            {
                Loss = Loss,
                Mask = masks?[(i * features.Row)..((i + 1) * features.Row)],
                Capacity = capacity?[(i * features.Row)..((i + 1) * features.Row)],
            };
        }
    }

    /// <summary>The probability of an image's class or classes, mean over its copies.</summary>
    private double Probability(float[] restricted, int image, int target, int classes) => Enumerable.Range(image * _settings.Copies, _settings.Copies)
        .Average(row => Loss.Probability(Classes.Probabilities(restricted.AsSpan(row * classes, classes)), target));

    /// <summary>The recordings for one batch size, each made when it is first needed.</summary>
    private sealed class Loop(Network until, Network after, FeatureStatistics statistics, Shape images, BottleneckSettings settings, LogitLoss loss)
        : IDisposable
    {
        private Inference? _trunk;
        private Inference? _head;
        private MaskFit? _fit;

        public int Images => images.N;

        public Inference Trunk => _trunk ??= new Inference(until, images);

        public Inference Head => _head ??= new Inference(after, until.Output(images));

        public MaskFit Fit => _fit ??= new MaskFit(after, statistics, images.N, settings, loss: loss);

        /// <inheritdoc/>
        public void Dispose()
        {
            _fit?.Dispose();
            _head?.Dispose();
            _trunk?.Dispose();
        }
    }
}
