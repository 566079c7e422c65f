using Engine.Backends;
using Engine.Networks;
using Engine.Tensors;
using Iba.Attribution;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The readout bottleneck (paper section 3.3): the mask is not fitted to the image but made by a trained network in one forward pass. It does
/// not know which class is to be explained: the map says what the classifier was given for its decision, whatever the target.
/// </summary>
public sealed class ReadoutBottleneck : IAttributionMethod
{
    private readonly IBackend _backend;
    private readonly Shape _image;
    private readonly int _batch;
    private readonly Tensor _step;
    private readonly ReadoutPass _pass;

    /// <param name="network">The classifier.</param>
    /// <param name="readout">What makes the masks; it stays the caller's.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="batch">Images to run at a time.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, to be held against that of the readout; empty if unknown.</param>
    /// <exception cref="StatisticsException">The readout was trained for another network, size of image or weights.</exception>
    public ReadoutBottleneck(Network network, ReadoutNetwork readout, Shape image, int batch = 1, string weightsSha256 = "")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        readout.MustFit(network, image, weightsSha256);
        (_backend, _image, _batch) = (network.Backend, image, batch);
        _step = _backend.Allocate(new Shape(1));
        _pass = new ReadoutPass(network, readout, image, batch, _step, trains: false);
    }

    /// <inheritdoc/>
    public string Name => "readout";

    /// <inheritdoc/>
    public IEnumerable<Attribution.Attribution> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        for (int first = 0; first < samples.Count; first += _batch)
        {
            cancellation.ThrowIfCancellationRequested();
            Sample[] batch = [.. samples.Skip(first).Take(_batch)];
            foreach (BottleneckAttribution result in Run(batch))
                yield return result;
            progress?.Report(new AttributionProgress(first + batch.Length, samples.Count, 0, 1));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass.Dispose();
        _step.Storage.Dispose();
    }

    private IEnumerable<BottleneckAttribution> Run(Sample[] samples)
    {
        var batch = new SampleBatch(samples, _batch);
        batch.Upload(_backend, _pass.Images);
        _pass.Collect();
        float[] logits = Download(_pass.Logits);
        int[] targets = batch.Targets(logits);
        _backend.Upload(batch.NoiseWords, _pass.NoiseWords);
        _backend.Upload([.. targets.Select(target => (float)target)], _pass.Targets);
        _pass.Forward();

        float[] capacity = Download(_pass.Capacity), restricted = Download(_pass.RestrictedLogits);
        Shape features = _pass.Capacity.Shape;
        int classes = logits.Length / _batch;
        for (int i = 0; i < samples.Length; i++)
        {
            var map = new CapacityMap(features.H, features.W, features.C, capacity.AsSpan(i * features.Row, features.Row));
            Range row = (i * classes)..((i + 1) * classes);
            double probability = Classes.Softmax(restricted.AsSpan(row))[targets[i]];
            yield return new BottleneckAttribution(map.Heatmap(_image.H, _image.W), targets[i], logits[row], map.TotalBits, probability, []);
        }

        float[] Download(Tensor tensor)
        {
            var numbers = new float[tensor.Shape.Count];
            _backend.Download(tensor, numbers);
            return numbers;
        }
    }
}
