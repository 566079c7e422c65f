using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// The optimisation of the masks of a batch of images (paper, section 3.2): minimise loss + β x mean information over α, where λ =
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
    private readonly Value? _z;
    private readonly Value _mask;
    private readonly Value _model;
    private readonly Value _information;
    private readonly Value _capacity;
    private readonly Value _logits;
    private readonly IReplay _step;
    private Gradients? _gradients;
    private MaskTurn? _turn;

    /// <param name="after">The network after the bottleneck's layer.</param>
    /// <param name="statistics">Statistics of the features at that layer.</param>
    /// <param name="images">Images per batch.</param>
    /// <param name="settings">The paper's hyper-parameters.</param>
    /// <param name="recordedNoise">Whether <see cref="Noise"/> replaces the generator's. The loop then runs in parts.</param>
    /// <param name="keepsEverything">Whether the tape keeps all values and gradients of a step, for study; everything is then recorded in parts.</param>
    /// <param name="loss">The loss of the logits; null for cross-entropy.</param>
    /// <param name="inParts">Whether mask and information are lines of the tape, also where the device has verbs for several at once.</param>
    public MaskFit(Network after, FeatureStatistics statistics, int images, BottleneckSettings settings, bool recordedNoise = false,
        bool keepsEverything = false, bool inParts = false, LogitLoss? loss = null)
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
        bool turns = !inParts && _restriction.Taps is { } taps && _backend.Turns(Features.Shape, taps.Shape.Count);
        bool clamp = settings.Spread == Spread.ReluRms;
        Element element = after.CanRound && !keepsEverything ? _backend.Activations : Element.Float32;
        _tape = new Tape(_backend);
        if (turns)
        {
            // Z is a leaf: mask, restriction, information and update are one verb between two runs of the tape.
            _mask = _tape.Constant(_tensors.Allocate(Features.Shape), "λ");
            _capacity = _tape.Constant(_tensors.Allocate(Features.Shape), "capacity");
            _information = _tape.Constant(_tensors.Allocate(new Shape(images)), "information loss");
            Shape copies = Features.Shape.WithN((long)images * settings.Copies);
            Tensor room = _tensors.Allocate(new Shape((int)element.Floats(copies.Count)));
            _z = _tape.Variable(room.As(element, 0, copies), "Z");
            _logits = after.Record(_z, rounds: true).Widened();
            // The sum over images of the model's losses; the information's derivatives are in the turn.
            _loss = _model = Model().MeanRuns(images).Named("model loss");
            _tape.Plan(_loss, _logits, _model);
            _step = _tape.Replay(StepByVerbs);
            return;
        }
        _alpha = _tape.Variable(Alpha, "α");
        _mask = _restriction.Mask(_alpha);
        (Value z, _capacity) = _restriction.Record(_mask, _adam.StepCount, clamp, element);
        _logits = after.Record(z, fused: !keepsEverything, rounds: !keepsEverything).Widened();
        _model = Model().MeanRuns(images).Named("model loss");
        _information = _capacity.MeanRows().Named("information loss");
        _loss = (_model + _information * settings.Beta).Sum().Named("loss");
        if (!keepsEverything)
            _tape.Plan(_loss, _mask, _logits, _model, _information, _capacity);
        _step = _tape.Replay(StepByVerbs);

        Value Model() => (loss ?? LogitLoss.CrossEntropy).On(new LossRows(_logits, Targets, _tensors));
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

    /// <summary>(steps, I) the loss of the logits, mean over copies, before each update.</summary>
    public Tensor ModelHistory { get; }

    /// <summary>(steps, I) information in nats, mean over neurons, before each update.</summary>
    public Tensor InformationHistory { get; }

    /// <summary>(I, H, W, C) λ, as of the last forward pass; after a step whose turn is one verb, that of the next.</summary>
    public Tensor Mask => _mask.Data;

    /// <summary>(I, H, W, C) the information that <see cref="Mask"/> lets pass each neuron, in nats.</summary>
    public Tensor Capacity
    {
        get
        {
            if (_z is not null)
                _backend.Information(_restriction.Standardised, _mask, _restriction.Statistics.Active, _capacity);
            return _capacity.Data;
        }
    }

    /// <summary>The bits that <see cref="Mask"/> lets pass each cell of the layer, for the first images of the batch.</summary>
    public CapacityMap[] Cells(int images) => _restriction.Cells(Capacity, images);

    /// <summary>The same, and their maps of that size.</summary>
    public (CapacityMap Cells, Heatmap Map)[] Maps(int images, int height, int width) => _restriction.Maps(Capacity, images, height, width);

    /// <summary>(I x copies, K) the logits of the restricted features, as of the last forward pass.</summary>
    public Tensor Logits => _logits.Data;

    /// <summary>dLoss/dα of the last step; null where the loop does not run in parts, and never stores it.</summary>
    public Tensor? AlphaGradient { get; private set; }

    /// <summary>What a step runs, and what it minimises.</summary>
    public (Tape Tape, Value Loss) Recorded => (_tape, _loss);

    /// <summary>Whether a checked pass that stopped at that line had the logits and the information by then.</summary>
    public bool HasRestricted(NonFiniteLine stop) => !stop.IsBackward && stop.Line > Math.Max(_logits.Line, _capacity.Line);

    /// <summary>Elements of memory allocated for the loop besides the leaves.</summary>
    public long ArenaCount => _tape.ArenaCount;

    /// <summary>Begins with a batch of images, whose <see cref="Features"/> were written.</summary>
    /// <param name="noiseWords">The image index in the noise's counter, one per image.</param>
    /// <param name="targets">The class to explain, one per image.</param>
    public void Begin(float[] noiseWords, IEnumerable<int> targets)
    {
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
        if (_z is null)
            return;
        // What the turn of a step before the first would have left.
        (Tensor mean, Tensor std, Tensor active) = _restriction.Statistics;
        _backend.Map(new Engine.Ops.Sigmoid(), Alpha, _capacity);
        _backend.Blur(_capacity, _restriction.Taps!, _mask);
        _backend.Restrict(Features, _mask, mean, std, active, CountedNoise, _settings.Spread == Spread.ReluRms, _z);
        _backend.Information(_restriction.Standardised, _mask, active, _capacity);
        _backend.Sum(_capacity, 1f / Features.Shape.Row, _information);
    }

    /// <summary>One forward pass, one backward pass, one update, without synchronisation or allocation.</summary>
    public void Step() => _step.Run();

    /// <summary>The same step, launched verb by verb, to measure what the replay saves.</summary>
    public void StepByVerbs()
    {
        RecordLosses();
        Update();
    }

    /// <summary>The second half of a step: backward pass and update.</summary>
    public void Update()
    {
        _gradients = _tape.BackwardAgain(_loss, null, _gradients);
        if (_z is not null)
        {
            _backend.Turn(_turn ??= TurnOf(_gradients[_z]));
            _backend.Advance(_adam.StepCount);
            return;
        }
        AlphaGradient = _gradients[_alpha!];
        _adam.Step(AlphaGradient);
    }

    /// <summary>The first half: forward pass and loss log.</summary>
    public void RecordLosses()
    {
        Evaluate();
        _backend.Append(_model, _adam.StepCount, ModelHistory);
        _backend.Append(_information, _adam.StepCount, InformationHistory);
    }

    /// <summary>A forward pass alone, for the map after the last update.</summary>
    public void Evaluate() => _tape.Forward();

    /// <inheritdoc/>
    public void Dispose()
    {
        _step.Dispose();
        _tape.Dispose();
        _adam.Dispose();
        _restriction.Dispose();
        _tensors.Dispose();
    }

    private Noise CountedNoise => new(_settings.Seed, NoiseWords, _adam.StepCount);

    private MaskTurn TurnOf(Tensor dz) => new()
    {
        X = Features,
        Statistics = _restriction.Statistics,
        Noise = CountedNoise,
        Clamp = _settings.Spread == Spread.ReluRms,
        Weight = _settings.Beta * (1f / Features.Shape.Row),
        Taps = _restriction.Taps!,
        Settings = _adam.Settings,
        Parameter = (Alpha, _adam.State[0], _adam.State[1]),
        Mask = _mask,
        Z = _z!,
        Dz = dz,
        Information = _information,
    };
}
