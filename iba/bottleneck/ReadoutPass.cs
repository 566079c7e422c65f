using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// One pass of the readout bottleneck over a batch. The classifier runs once without a tape, and the features that the readout needs are stored
/// and standardised. The readout predicts α from them, the bottleneck restricts the flow at the first layer, and the rest of the classifier runs
/// on the restricted features.
/// </summary>
internal sealed class ReadoutPass : IDisposable
{
    private readonly IBackend _backend;
    private readonly Inference _classifier;
    private readonly Restriction _restriction;
    private readonly List<ReadLayer> _deeper = [];
    private readonly Tape _tape;
    private readonly Value[] _leaves;
    private readonly string _first;

    /// <param name="network">The classifier, frozen.</param>
    /// <param name="readout">The network that predicts the masks.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">Images per batch.</param>
    /// <param name="step">(1) the step in the noise's counter.</param>
    /// <param name="trains">Whether a backward pass follows.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> replaces the generator's.</param>
    public ReadoutPass(Network network, ReadoutNetwork readout, Shape image, int images, Tensor step, bool trains, bool recordedNoise = false)
    {
        _backend = network.Backend;
        IReadOnlyList<FeatureStatistics> layers = readout.Statistics.Layers;
        BottleneckSettings settings = readout.Settings.Bottleneck;
        settings.Check(layers[0].Origin.Shape);
        _classifier = new Inference(network, image.WithN(images), [.. layers.Select(layer => layer.Origin.Layer)]);
        _restriction = new Restriction(_backend, layers[0], images, settings, recordedNoise);
        _first = layers[0].Origin.Layer;
        Targets = _backend.Allocate(new Shape(images));

        _tape = new Tape(_backend);
        List<Value> features = [_tape.Constant(_restriction.Standardised, _first)];
        foreach (FeatureStatistics layer in layers.Skip(1))
        {
            var read = new ReadLayer(_backend, layer, images, settings);
            _deeper.Add(read);
            features.Add(_tape.Constant(read.Standardised, layer.Origin.Layer));
        }
        Value α = readout.Record(features, trains);
        _leaves = [.. readout.Parameters.Select(parameter => _tape[parameter.Name])];

        (Value z, Capacity) = _restriction.Record(_restriction.Mask(α), step, readout.Settings.Clamp);
        RestrictedLogits = network.After(_first).Record(z);
        Model = RestrictedLogits.Surprise(_tape.Constant(Targets, "targets")).Mean().Named("model loss");
        Information = Capacity.Mean().Named("information loss");
        Loss = (Model + Information * readout.Settings.Beta).Named("loss");
        _tape.Plan(trains ? Loss : null, α, _tape["λ"], z, RestrictedLogits, Capacity, Model, Information);
    }

    /// <summary>(N, H, W, 3) the images; write them before <see cref="Collect"/>.</summary>
    public Tensor Images => _classifier.Input;

    /// <summary>(N, K) the classifier's own output, after <see cref="Collect"/>.</summary>
    public Tensor Logits => _classifier.Output;

    /// <summary>The classifier's features of a layer that the readout needs. Whoever writes them has no need to <see cref="Collect"/>.</summary>
    public Tensor Features(string layer) => _classifier[layer];

    /// <summary>(N) the image index in the noise's counter; write it before <see cref="Forward"/>.</summary>
    public Tensor NoiseWords => _restriction.NoiseWords;

    /// <summary>(N, H, W, C) recorded noise, if requested.</summary>
    public Tensor? Noise => _restriction.Noise;

    /// <summary>(N) the classes; write them before <see cref="Forward"/>.</summary>
    public Tensor Targets { get; }

    /// <summary>(N, K) the output for the restricted features.</summary>
    public Value RestrictedLogits { get; }

    /// <summary>(N, H, W, C) the information that passes each neuron, nats.</summary>
    public Value Capacity { get; }

    /// <summary>The bits that pass each cell of the layer, for the first images of the batch, and their maps of that size.</summary>
    public (CapacityMap Cells, Heatmap Map)[] Maps(int images, int height, int width) => _restriction.Maps(Capacity, images, height, width);

    /// <summary>(1) cross-entropy in nats, mean over the batch.</summary>
    public Value Model { get; }

    /// <summary>(1) information in nats, mean over batch and neurons.</summary>
    public Value Information { get; }

    /// <summary>(1) the loss that training minimises.</summary>
    public Value Loss { get; }

    /// <summary>A line of the tape by name: α, λ, Z.</summary>
    public Tensor this[string line] => _tape[line];

    /// <summary>Elements of memory allocated besides the parameters and the features.</summary>
    public long ArenaCount => _tape.ArenaCount;

    /// <summary>Runs the classifier on the images and standardises the features that the readout needs.</summary>
    public void Collect()
    {
        _classifier.Run();
        Standardise();
    }

    /// <summary>Standardises the features alone.</summary>
    public void Standardise()
    {
        _backend.Copy(_classifier[_first], _restriction.Features);
        _restriction.Standardise();
        foreach (ReadLayer layer in _deeper)
            layer.Standardise(_classifier[layer.Name]);
    }

    /// <summary>Computes the losses from the collected features.</summary>
    public void Forward() => _tape.Forward();

    /// <summary>The gradient of the loss by every parameter of the readout, in their order; overwritten by the next call.</summary>
    public void Backward(Span<Tensor> gradients)
    {
        Gradients d = _tape.Backward(Loss);
        for (int i = 0; i < _leaves.Length; i++)
            gradients[i] = d[_leaves[i]];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _restriction.Dispose();
        _deeper.ForEach(layer => layer.Dispose());
        Targets.Storage.Dispose();
        _classifier.Dispose();
    }

    /// <summary>A layer that the readout takes features from, besides the bottleneck's own.</summary>
    private sealed class ReadLayer : IDisposable
    {
        private readonly IBackend _backend;
        private readonly NeuronStatistics _neurons;

        public ReadLayer(IBackend backend, FeatureStatistics statistics, int images, BottleneckSettings settings)
        {
            (_backend, Name) = (backend, statistics.Origin.Layer);
            _neurons = new NeuronStatistics(backend, statistics, settings);
            Standardised = backend.Allocate(statistics.Origin.Shape.WithN(images));
        }

        public string Name { get; }

        /// <summary>(N, h, w, C); a linear layer's output is a map of one cell.</summary>
        public Tensor Standardised { get; }

        public void Standardise(Tensor features) =>
            _backend.Standardise(features.View(0, Standardised.Shape), _neurons.Mean, _neurons.Std, Standardised);

        public void Dispose()
        {
            _neurons.Dispose();
            Standardised.Storage.Dispose();
        }
    }
}
