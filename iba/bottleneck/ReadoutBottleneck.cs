using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The readout bottleneck (paper, section 3.3): the mask is not fitted to the image but predicted by a trained network in one forward pass.
/// It does not depend on the class to be explained: the map shows the information that the classifier received, whatever the target.
/// </summary>
public sealed class ReadoutBottleneck : IBottleneck
{
    private readonly IBackend _backend;
    private readonly Network _network;
    private readonly ReadoutNetwork _readout;
    private readonly Shape _image;
    private readonly int _batch;
    private readonly FeatureStatistics _statistics;
    private readonly Tensor _step;
    private readonly BatchCache<ReadoutPass> _recorded;

    /// <param name="network">The classifier.</param>
    /// <param name="readout">Predicts the masks; the caller disposes it.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="batch">Upper bound of the images per run.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, compared with that of the readout; empty if unknown.</param>
    /// <exception cref="StatisticsException">The readout was trained for another network, image size or weights.</exception>
    public ReadoutBottleneck(Network network, ReadoutNetwork readout, Shape image, int batch = 1, string weightsSha256 = "")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        readout.MustFit(network, image, weightsSha256);
        (_backend, _network, _readout, _image, _batch) = (network.Backend, network, readout, image, batch);
        _statistics = readout.Statistics.First;
        _step = _backend.Allocate(new Shape(1));
        _recorded = new BatchCache<ReadoutPass>(images => new ReadoutPass(network, readout, image, images, _step, trains: false));
    }

    /// <inheritdoc/>
    public string Name => "readout";

    /// <inheritdoc/>
    public bool KeepsMask { get; set; }

    /// <inheritdoc/>
    public RestrictedNetwork Restricted(int copies) =>
        new(_network, _statistics, _image, _readout.Settings.Bottleneck with { Copies = copies }, _readout.Settings.Clamp);

    /// <inheritdoc/>
    public IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        Sample.Check(samples, _image, Name);
        _statistics.MustBeOf(samples);
        return new SampleBatches(samples, progress, cancellation).Explain(
            _recorded, left => _recorded.Part(left, _batch), (images, some, report) => Run(_recorded.Of(images), images, some, report), _ => 1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _recorded.Dispose();
        _step.Storage.Dispose();
    }

    /// <summary>Features and logits: from a pass over the images, where none is known.</summary>
    private float[] Collect(ReadoutPass pass, SampleBatch batch)
    {
        IReadOnlyList<string> layers = _readout.Statistics.Names;
        if (batch.KnownLogits(layers) is { } known)
        {
            foreach (string layer in layers)
                batch.UploadKnown(_backend, layer, pass.Features(layer));
            pass.Standardise();
            return known;
        }
        batch.Upload(_backend, pass.Images);
        pass.Collect();
        return _backend.Read(pass.Logits);
    }

    private BottleneckExplanation[] Run(ReadoutPass pass, int images, Sample[] samples, Action<int> report)
    {
        using Backend.Call together = _backend.Enter(Name);
        report(0);
        var batch = new SampleBatch(samples, images);
        float[] logits = Collect(pass, batch);
        int[] targets = batch.Targets(logits);
        _backend.Upload(batch.NoiseWords, pass.NoiseWords);
        _backend.Upload([.. targets.Select(target => (float)target)], pass.Targets);
        pass.Forward();

        (CapacityMap Cells, Heatmap Map)[] maps = pass.Maps(samples.Length, _image.H, _image.W);
        float[] restricted = _backend.Read(pass.RestrictedLogits);
        (float[]? masks, float[]? capacity) = KeepsMask ? (_backend.Read(pass["λ"]), _backend.Read(pass.Capacity)) : (null, null);
        Shape features = pass.Capacity.Data.Shape;
        int classes = logits.Length / images;
        var results = new BottleneckExplanation[samples.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            Range row = (i * classes)..((i + 1) * classes);
            double probability = Classes.Probabilities(restricted.AsSpan(row))[targets[i]];
            results[i] = new BottleneckExplanation(maps[i].Map, targets[i], logits[row], maps[i].Cells.TotalBits, probability, [])
            {
                Mask = masks?[(i * features.Row)..((i + 1) * features.Row)],
                Capacity = capacity?[(i * features.Row)..((i + 1) * features.Row)],
            };
        }
        return results;
    }
}
