using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The network that predicts masks (paper section 3.3): it takes features from several depths of a classifier, standardised, resized to the
/// bottleneck's size and concatenated, and computes α with three 1x1 convolutions and ReLU between them. The first convolution has thousands of
/// input channels, most of them from small maps. A 1x1 convolution and resizing commute, so each layer's part is convolved at its own size and
/// then resized: for ResNet-50 this is a tenth of the work, and the features are never concatenated.
/// </summary>
public sealed class ReadoutNetwork : IDisposable
{
    private const float InitialBias = 5f, InitialScale = 1e-3f;

    private static readonly ConvGeometry Pointwise = new(1);

    /// <summary>A readout before training: α is about 5 everywhere, so that almost all information passes.</summary>
    /// <param name="backend">The device of its parameters.</param>
    /// <param name="statistics">The statistics of the layers that it reads; the layer at which it restricts the flow comes first.</param>
    /// <param name="settings">Width, seed and the settings of training; null for the paper's.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public ReadoutNetwork(IBackend backend, StatisticsSet statistics, ReadoutSettings? settings = null)
    {
        (Backend, Statistics, Settings) = (backend, statistics, settings ?? new ReadoutSettings());
        Settings.Check();
        Layout = LayoutOf(statistics, Settings.Width);
        Parameters = [.. Layout.Parts.Select(part => new Parameter(part.Name, backend.Allocate(part.Shape)))];
        Initialise();
    }

    /// <summary>The device of its parameters.</summary>
    public IBackend Backend { get; }

    /// <summary>The statistics of the layers that it reads; the layer at which it restricts the flow comes first.</summary>
    public StatisticsSet Statistics { get; }

    /// <summary>The settings of the network and its training.</summary>
    public ReadoutSettings Settings { get; }

    /// <summary>The trained parameters: the first convolution's weights, split by layer, its bias, and the other two convolutions.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Steps of training done.</summary>
    public long Steps { get; internal set; }

    /// <summary>The layout of the parameters in memory and in files.</summary>
    internal ReadoutLayout Layout { get; }

    /// <summary>Records the network on the features' tape.</summary>
    /// <param name="features">(N, h, w, C) the standardised features of each layer, each at its own size, all on one tape.</param>
    /// <param name="trains">Whether the parameters need gradients.</param>
    /// <returns>(N, H, W, C) α at the bottleneck's size, clamped to its bound.</returns>
    public Value Record(IReadOnlyList<Value> features, bool trains)
    {
        Tape tape = features[0].Tape;
        Value[] leaves = [.. Parameters.Select(p => trains ? tape.Variable(p.Data, p.Name) : tape.Constant(p.Data, p.Name))];
        Value Bias(int convolution) => leaves[features.Count + 2 * convolution];
        Value Weight(int convolution) => leaves[features.Count + 2 * convolution - 1];

        Value? deeper = null;
        Shape size = features[0].Shape;
        for (int layer = features.Count - 1; layer > 0; layer--)
        {
            Value share = features[layer].Convolution(leaves[layer], Pointwise).Resize(size.H, size.W, Corners.Aligned);
            deeper = deeper is null ? share : deeper + share;
        }
        Value first = features[0].Convolution(leaves[0], Pointwise, Bias(0), deeper, relu: true).Named("conv1.relu");
        Value second = first.Convolution(Weight(1), Pointwise, Bias(1), relu: true).Named("conv2.relu");
        return second.Convolution(Weight(2), Pointwise, Bias(2)).Named("conv3").Clamp(-Settings.AlphaBound, Settings.AlphaBound).Named("α");
    }

    /// <summary>Throws if the network is not the one that the readout was trained for.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="weightsSha256">SHA-256 of the classifier's weights; empty if unknown.</param>
    /// <exception cref="StatisticsException">It was trained for another network, size of image or weights.</exception>
    public void MustFit(Network network, Shape image, string weightsSha256)
    {
        string own = Statistics.First.Origin.Network;
        string? reason = own != network.Name
            ? $"network {own}, not {network.Name}"
            : Statistics.Layers.FirstOrDefault(layer => !network.Has(layer.Origin.Layer)) is { } stranger
            ? $"layer '{stranger.Origin.Layer}', which {network.Name} does not have"
            : Statistics.Difference(Statistics.Layers.Select(layer => FeatureOrigin.Of(network, layer.Origin.Layer, image, weightsSha256)));
        if (reason is not null)
        {
            throw new StatisticsException(
                "the readout", $"it was trained for {reason}", "Train one for this network with: iba readout train --images DIR --out FILE");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Parameter parameter in Parameters)
            parameter.Data.Storage.Dispose();
    }

    internal static ReadoutLayout LayoutOf(StatisticsSet statistics, ReadoutWidth width) => new(
        [.. statistics.Layers.Select(layer => layer.Origin.Shape.C)], statistics.Names, width);

    /// <summary>
    /// PyTorch's initial convolutions, uniform within 1 / sqrt(fan-in); then, as the reference does, the last one's weights scaled down and
    /// its bias 5.
    /// </summary>
    private void Initialise()
    {
        for (int entry = 0; entry < Layout.Entries.Count; entry++)
        {
            ReadoutEntry what = Layout.Entries[entry];
            var random = new SplitMix(Settings.Seed).Fork((ulong)entry);
            float bound = 1 / MathF.Sqrt(what.FanIn);
            float[] numbers = new float[new Shape(what.Shape).Count];
            for (int i = 0; i < numbers.Length; i++)
            {
                float uniform = bound * (2 * random.Uniform((ulong)i) - 1);
                numbers[i] = what.Name switch
                {
                    "conv3.bias" => InitialBias,
                    "conv3.weight" => InitialScale * uniform,
                    _ => uniform,
                };
            }
            Upload(entry, numbers, Parameters.Select(parameter => parameter.Data));
        }
    }

    /// <summary>
    /// Uploads the elements of one of the six parameters, in PyTorch's order, to tensors with the layout of <see cref="Parameters"/>.
    /// </summary>
    internal void Upload(int entry, float[] numbers, IEnumerable<Tensor> tensors)
    {
        Tensor[] parts = [.. tensors];
        foreach ((int part, float[] some) in Layout.Split(entry, numbers))
            Backend.Upload(some, parts[part]);
    }

    /// <summary>
    /// The elements of one of the six parameters in PyTorch's order, from tensors with the layout of <see cref="Parameters"/>.
    /// </summary>
    internal float[] Download(int entry, IEnumerable<Tensor> tensors)
    {
        Tensor[] parts = [.. tensors];
        return Layout.Join(entry, part =>
        {
            var numbers = new float[parts[part].Shape.Count];
            Backend.Download(parts[part], numbers);
            return numbers;
        });
    }
}
