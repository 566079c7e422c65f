using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The optimisation of the masks of a batch of images (paper, section 3.2): minimise cross-entropy + β x mean information over α, where λ =
/// blur(sigmoid(α)) and Z = λ R + (1 - λ) ε. Each image has its own α and its own Adam state, and its loss does not affect the masks of
/// others. The loop is recorded once and replayed for every step of every batch of that size.
/// </summary>
internal sealed class MaskFit : IDisposable
{
    private readonly IBackend _backend;
    private readonly BottleneckSettings _settings;
    private readonly TensorScope _tensors;
    private readonly Tape _tape;
    private readonly Adam _adam;
    private readonly Restriction _restriction;
    private readonly Value _loss;
    private readonly Value? _alpha;
    private readonly Tensor? _taps;
    private readonly Value _mask;
    private readonly Value _model;
    private readonly Value _information;
    private readonly Value _capacity;
    private readonly Value _logits;
    private readonly IReplay _step;
    private Gradients? _gradients;

    /// <param name="after">The network after the bottleneck's layer.</param>
    /// <param name="statistics">Statistics of the features at that layer.</param>
    /// <param name="images">Images per batch.</param>
    /// <param name="settings">The paper's hyper-parameters.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> replaces the generator's. The loop then runs in parts.</param>
    /// <param name="keepsEverything">Whether the tape keeps all values and gradients of a step, for study; everything is then recorded in parts.</param>
    /// <param name="inParts">Whether mask and information are lines of the tape, also where the device has verbs for several at once.</param>
    public MaskFit(Network after, FeatureStatistics statistics, int images, BottleneckSettings settings, bool recordedNoise = false,
        bool keepsEverything = false, bool inParts = false)
    {
        settings.Check();
        (_backend, _settings) = (after.Backend, settings);
        _restriction = new Restriction(_backend, statistics, images, settings, recordedNoise);
        _tensors = new TensorScope(_backend);
        Alpha = _tensors.Allocate(Features.Shape);
        Targets = _tensors.Allocate(new Shape(images * settings.Copies));
        ModelHistory = _tensors.Allocate(new Shape(settings.Steps, images));
        InformationHistory = _tensors.Allocate(new Shape(settings.Steps, images));
        _adam = new Adam(_backend, new AdamSettings(settings.LearningRate), Alpha);

        inParts |= recordedNoise || keepsEverything;
        _taps = inParts || _restriction.Taps is not { } taps || !_backend.FusesMask(Features.Shape, taps.Shape.Count) ? null : taps;
        bool clamp = settings.Spread == Spread.ReluRms;
        Element element = after.CanRound && !keepsEverything ? _backend.Activations : Element.Float32;
        _tape = new Tape(_backend);
        if (_taps is not null)
        {
            // λ is a leaf: mask, information and update are verbs around the tape.
            float perNeuron = 1f / Features.Shape.Row;
            _mask = _tape.Variable(_tensors.Allocate(Features.Shape), "λ");
            _capacity = _tape.Constant(_tensors.Allocate(Features.Shape), "capacity");
            _information = _tape.Constant(_tensors.Allocate(new Shape(images)), "information loss");
            Value restricted = _restriction.Record(_mask, _adam.StepCount, clamp, element, settings.Beta * perNeuron);
            _logits = after.Record(restricted, rounds: true).Widened();
            // The sum over images of the model's losses; the information's derivatives are in the restriction's.
            _loss = _model = _logits.Surprise(_tape.Constant(Targets, "targets")).MeanRuns(images).Named("model loss");
            _tape.Plan(_loss, _logits, _model);
            _step = _tape.Replay(StepByVerbs);
            return;
        }
        _alpha = _tape.Variable(Alpha, "α");
        _mask = _restriction.Mask(_alpha);
        (Value z, _capacity) = _restriction.Record(_mask, _adam.StepCount, clamp, element);
        _logits = after.Record(z, fused: !keepsEverything, rounds: !keepsEverything).Widened();
        _model = _logits.Surprise(_tape.Constant(Targets, "targets")).MeanRuns(images).Named("model loss");
        _information = _capacity.MeanRows().Named("information loss");
        _loss = (_model + _information * settings.Beta).Sum().Named("loss");
        if (!keepsEverything)
            _tape.Plan(_loss, _mask, _logits, _model, _information, _capacity);
        _step = _tape.Replay(StepByVerbs);
    }

    /// <summary>(I, H, W, C) the images' features; write them before <see cref="Begin()"/>.</summary>
    public Tensor Features => _restriction.Features;

    /// <summary>(I, H, W, C) the parameters of the masks.</summary>
    public Tensor Alpha { get; }

    /// <summary>(I) the image index in the noise's counter: an integer below 2^24 per image, stored as a float.</summary>
    public Tensor NoiseWords => _restriction.NoiseWords;

    /// <summary>(I x copies) the class to explain, repeated for every copy.</summary>
    public Tensor Targets { get; }

    /// <summary>(I x copies, H, W, C) recorded noise, if requested.</summary>
    public Tensor? Noise => _restriction.Noise;

    /// <summary>(steps, I) cross-entropy in nats, mean over copies, before each update.</summary>
    public Tensor ModelHistory { get; }

    /// <summary>(steps, I) information in nats, mean over neurons, before each update.</summary>
    public Tensor InformationHistory { get; }

    /// <summary>(I, H, W, C) λ, as of the last forward pass.</summary>
    public Tensor Mask => _mask.Data;

    /// <summary>(I, H, W, C) the information that passes each neuron in nats, as of the last forward pass.</summary>
    public Tensor Capacity
    {
        get
        {
            if (_taps is not null)
                _backend.Information(_restriction.Standardised, _mask, _restriction.Active, _capacity);
            return _capacity.Data;
        }
    }

    /// <summary>(I x copies, K) the logits of the restricted features, as of the last forward pass.</summary>
    public Tensor Logits => _logits.Data;

    /// <summary>dLoss/dα of the last step; null where the loop does not run in parts, and never stores it.</summary>
    public Tensor? AlphaGradient { get; private set; }

    /// <summary>What a step runs, and what it minimises.</summary>
    public (Tape Tape, Value Loss) Recorded => (_tape, _loss);

    /// <summary>Elements of memory allocated for the loop besides the leaves.</summary>
    public long ArenaCount => _tape.ArenaCount;

    /// <summary>Begins with a batch of images.</summary>
    /// <param name="features">(I, H, W, C) the images' features.</param>
    /// <param name="noiseWords">The image index in the noise's counter, one per image.</param>
    /// <param name="targets">The class to explain, one per image.</param>
    public void Begin(Tensor features, float[] noiseWords, IEnumerable<int> targets)
    {
        _backend.Copy(features, Features);
        _backend.Upload(noiseWords, NoiseWords);
        _backend.Upload([.. targets.SelectMany(target => Enumerable.Repeat((float)target, _settings.Copies))], Targets);
        Begin();
    }

    /// <summary>Resets masks and optimizer for the features that were written.</summary>
    public void Begin()
    {
        _restriction.Standardise();
        _backend.Fill(Alpha, _settings.InitialAlpha);
        _adam.Reset();
    }

    /// <summary>One forward pass, one backward pass, one update, without synchronisation or allocation.</summary>
    public void Step() => _step.Run();

    /// <summary>The same step, launched verb by verb, to measure what the replay saves.</summary>
    public void StepByVerbs()
    {
        RecordLosses();
        _gradients = _tape.BackwardAgain(_loss, null, _gradients);
        if (_taps is not null)
        {
            _adam.StepMask(_gradients[_mask], _taps);
            return;
        }
        AlphaGradient = _gradients[_alpha!];
        _adam.Step(AlphaGradient);
    }

    /// <summary>Forward pass and loss log without the update.</summary>
    public void RecordLosses()
    {
        Evaluate();
        if (_taps is not null)
            _backend.InformationSum(_restriction.Standardised, _mask, _restriction.Active, 1f / Features.Shape.Row, _information);
        _backend.Append(_model, _adam.StepCount, ModelHistory);
        _backend.Append(_information, _adam.StepCount, InformationHistory);
    }

    /// <summary>A forward pass alone, for the map after the last update.</summary>
    public void Evaluate()
    {
        if (_taps is not null)
            _backend.Mask(Alpha, _taps, _mask);
        _tape.Forward();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        _tape.Dispose();
        _adam.Dispose();
        _restriction.Dispose();
        _tensors.Dispose();
    }
}
