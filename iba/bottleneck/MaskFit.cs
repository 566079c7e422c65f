using Engine.Autograd;
using Engine.Backends;
using Engine.Networks;
using Engine.Ops;
using Engine.Optimizers;
using Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The optimisation of the masks of a batch of images (paper section 3.2): minimise cross-entropy + β x mean information over α, where
/// λ = blur(sigmoid(α)) and Z = λ R + (1 - λ) ε. Each image has its own α and its own state of Adam, and the loss of one does not touch the
/// mask of another. It is recorded once and replayed for every step of every batch of that size.
/// </summary>
internal sealed class MaskFit : IDisposable
{
    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly Tape _tape;
    private readonly Adam _adam;
    private readonly NeuronStatistics _neurons;
    private readonly Tensor? _taps;
    private readonly Tensor _standardised;
    private readonly Value _loss;
    private readonly Value _alpha;
    private readonly Value _model;
    private readonly Value _information;
    private readonly Value _capacity;
    private readonly Value _logits;
    private readonly IReplay _step;

    /// <param name="after">The network after the bottleneck's layer.</param>
    /// <param name="statistics">Of the features at that layer.</param>
    /// <param name="images">Images to a batch.</param>
    /// <param name="settings">The paper's hyper-parameters.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> is to be used in place of the generator's.</param>
    public MaskFit(Network after, FeatureStatistics statistics, int images, BottleneckSettings settings, bool recordedNoise = false)
    {
        settings.Check();
        (_backend, _settings) = (after.Backend, settings);
        Shape features = statistics.Origin.Shape.WithN(images);
        Features = _backend.Allocate(features);
        Alpha = _backend.Allocate(features);
        NoiseWords = _backend.Allocate(new Shape(images));
        Targets = _backend.Allocate(new Shape(images * settings.Copies));
        ModelHistory = _backend.Allocate(new Shape(settings.Steps, images));
        InformationHistory = _backend.Allocate(new Shape(settings.Steps, images));
        Noise = recordedNoise ? _backend.Allocate(features.WithN(images * settings.Copies)) : null;
        _standardised = _backend.Allocate(features);
        _neurons = new NeuronStatistics(_backend, statistics, settings);
        _adam = new Adam(_backend, new AdamSettings(settings.LearningRate), Alpha);
        if (settings.Sigma > 0)
        {
            float[] taps = GaussianTaps.Of(settings.Sigma);
            _taps = _backend.Allocate(new Shape(taps.Length));
            _backend.Upload(taps, _taps);
        }

        _tape = new Tape(_backend);
        (Value Mean, Value Std, Value Active) neurons = _neurons.On(_tape);
        Value r = _tape.Constant(Features, "R"), step = _tape.Constant(_adam.StepCount, "step"), words = _tape.Constant(NoiseWords, "noise words");
        _alpha = _tape.Variable(Alpha, "α");
        Value λ = _alpha.Sigmoid();
        if (_taps is not null)
            λ = λ.Blur(_tape.Constant(_taps, "taps"));
        λ.Named("λ");

        var restrict = new Restrict(settings.Copies, settings.Seed, Clamp: settings.Spread == Spread.ReluRms, Recorded: recordedNoise);
        Value z = r.Restrict(λ, neurons, words, step, restrict, Noise is null ? null : _tape.Constant(Noise, "ε")).Named("Z");
        _logits = after.Record(z);
        _model = _logits.CrossEntropy(_tape.Constant(Targets, "targets")).MeanRuns(images).Named("model loss");
        _capacity = _tape.Constant(_standardised, "r").Information(λ, neurons.Active).Named("capacity");
        _information = _capacity.MeanRows().Named("information loss");
        _loss = (_model + _information * settings.Beta).Sum().Named("loss");
        _tape.Plan(_loss, _logits, _model, _information, _capacity);
        _step = _backend.Replay(RunStep);
    }

    /// <summary>(I, H, W, C) the features of the images, to be written before <see cref="Begin"/>.</summary>
    public Tensor Features { get; }

    /// <summary>(I, H, W, C) the parameters of the masks.</summary>
    public Tensor Alpha { get; }

    /// <summary>(I) a whole number below 2^24 for each image, kept as a float: which noise it meets.</summary>
    public Tensor NoiseWords { get; }

    /// <summary>(I x copies) the class to be explained, once for every copy.</summary>
    public Tensor Targets { get; }

    /// <summary>(I x copies, H, W, C) noise to be used, where asked for.</summary>
    public Tensor? Noise { get; }

    /// <summary>(steps, I) cross-entropy in nats, mean over copies, before each update.</summary>
    public Tensor ModelHistory { get; }

    /// <summary>(steps, I) information in nats, mean over neurons, before each update.</summary>
    public Tensor InformationHistory { get; }

    /// <summary>(I, H, W, C) the information that passes each neuron in nats, as of the last forward pass.</summary>
    public Tensor Capacity => _capacity.Data;

    /// <summary>(I x copies, K) the logits of the restricted features, as of the last forward pass.</summary>
    public Tensor Logits => _logits.Data;

    /// <summary>dLoss/dα of the last step.</summary>
    public Tensor? AlphaGradient { get; private set; }

    /// <summary>Numbers of memory held for the loop beside the leaves.</summary>
    public long ArenaCount => _tape.ArenaCount;

    /// <summary>Starts over for the features that were written.</summary>
    public void Begin()
    {
        _backend.Standardise(Features, _neurons.Mean, _neurons.Std, _standardised);
        _backend.Fill(Alpha, _settings.InitialAlpha);
        _adam.Reset();
    }

    /// <summary>One forward pass, one backward pass, one update. Nothing waits for the device, and nothing is allocated.</summary>
    public void Step() => _step.Run();

    /// <summary>A forward pass alone, for the map after the last update.</summary>
    public void Evaluate() => _tape.Forward();

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        _tape.Dispose();
        _adam.Dispose();
        _neurons.Dispose();
        foreach (Tensor? tensor in (Tensor?[])[Features, Alpha, NoiseWords, Targets, ModelHistory, InformationHistory, Noise, _standardised, _taps])
            tensor?.Storage.Dispose();
    }

    private void RunStep()
    {
        _tape.Forward();
        _backend.Append(_model, _adam.StepCount, ModelHistory);
        _backend.Append(_information, _adam.StepCount, InformationHistory);
        Gradients d = _tape.Backward(_loss);
        AlphaGradient = d[_alpha];
        _adam.Step(AlphaGradient);
    }
}
