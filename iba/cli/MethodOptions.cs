using System.CommandLine;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Explaining;
using Iba.Labels;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>The options of attribution methods.</summary>
internal sealed class MethodOptions
{
    private readonly bool _evaluates;
    private readonly Option<string?> _target = new("--target")
    {
        Description = "The class to explain, by number, name or WordNet id. Default: the class that the network predicts.",
        HelpName = "CLASS",
    };
    private readonly Option<float> _beta = CommonOptions.Beta(", for per-sample");
    private readonly Option<ulong> _seed = CommonOptions.Seed(
        "Seed of all noise. The same seed gives the same bytes, independent of the batch size.");
    private readonly Option<string?> _statistics = CommonOptions.Made(
        "--statistics", "Feature statistics made by iba estimate, for the method per-sample.", "iba estimate");
    private readonly Option<string[]> _folder = new("--images")
    {
        Description = "Photos to estimate the statistics from; the statistics are cached. " + NamedPhotos.Folder,
        Arity = ArgumentArity.OneOrMore,
        DefaultValueFactory = _ => [],
        HelpName = "DIR",
    };
    private readonly Option<int> _samples = CommonOptions.Samples(
        FeatureStatistics.UsualSamples, "Upper bound of the images of --images to use.");
    private readonly Option<string?> _patterns = CommonOptions.Made(
        "--patterns", "Signal patterns made by iba patterns fit, for the method pattern.", "iba patterns fit");
    private readonly Option<string?> _readout = CommonOptions.Made(
        "--readout", "A readout made by iba readout train, for the method readout.", "iba readout train");
    private readonly Option<bool> _published = new("--as-published")
    {
        Description = "Reproduce the paper's published code where it differs from the textbook: the gradient divided by its signed sum, integrated "
            + "gradients without the factor (image - baseline).",
    };
    private readonly Option<int> _noiseSamples = new("--noise-samples")
    {
        Description = "Noisy copies of smoothgrad.",
        DefaultValueFactory = _ => 50,
        CustomParser = Number.Between(1, 1_000_000).Parse,
    };
    private readonly Option<int> _pathSteps = new("--path-steps")
    {
        Description = "Points on the path of integrated-gradients.",
        DefaultValueFactory = _ => 50,
        CustomParser = Number.Between(1, 1_000_000).Parse,
    };
    private readonly Option<string> _baseline = new("--baseline")
    {
        Description = "The start of integrated-gradients and the replacement of occluded patches: mean, the photo's mean colour, or zero, ImageNet's mean "
            + "colour.",
        DefaultValueFactory = _ => "mean",
        HelpName = "COLOUR",
    };
    private readonly Option<string?> _camLayer = new("--cam-layer")
    {
        Description = "The layer whose feature maps grad-cam weights. Default: the network's last layer with rows and columns.",
        HelpName = "NAME",
    };
    private readonly Option<int> _memory = new("--memory")
    {
        Description = "Upper bound of the activations' memory in MiB, for methods other than the bottlenecks.",
        DefaultValueFactory = _ => (int)(NetworkMethod.DefaultMemoryBudget >> 20),
        CustomParser = Number.Between(1, 1 << 20).Parse,
    };

    /// <summary><c>--margin-to</c>, of commands that also explain several classes or one rather than another; null for others.</summary>
    public Option<string?>? MarginTo { get; init; }

    /// <param name="evaluates">
    /// Whether the command evaluates methods on a folder: then --images is that folder, its photos bring the classes to explain, and memory
    /// is left to the methods.
    /// </param>
    public MethodOptions(bool evaluates = false)
    {
        _evaluates = evaluates;
        _baseline.AcceptOnlyFromAmong("mean", "zero");
    }

    /// <summary>The options that only per-sample uses; a readout has its own.</summary>
    public IReadOnlyList<Option> OfPerSample => [_beta, _statistics, _folder, _samples];

    public void AddTo(Command command)
    {
        foreach (Option option in _evaluates
            ? (Option[])[_beta, _seed, _statistics, _patterns, _readout, _published, _noiseSamples, _pathSteps, _baseline, _camLayer]
            :
            [
                _target, _beta, _seed, _statistics, _folder, _samples, _patterns, _readout, _published, _noiseSamples, _pathSteps, _baseline, _camLayer,
                _memory,
            ])
        {
            command.Add(option);
        }
        if (MarginTo is null)
            return;
        command.Add(MarginTo);
        _target.Description += " Several with commas between are explained together.";
    }

    /// <summary>The settings of per-sample, not yet validated.</summary>
    public BottleneckSettings Bottleneck(ParseResult parsed) => new() { Beta = parsed.GetValue(_beta), Seed = parsed.GetValue(_seed) };

    /// <summary>The requested class; null for the predicted one.</summary>
    public int? Target(ParseResult parsed, LoadedNetwork loaded) => parsed.GetValue(_target) is { } text ? loaded.Class(text) : null;

    /// <summary>What is asked about a photo's class.</summary>
    public Question Asked(ParseResult parsed, ClassLabels labels, int classes)
    {
        string? text = parsed.GetValue(_target);
        if (MarginTo is null)
            return new Question(text is null ? null : NetworkOptions.Class(text, labels, classes), LogitLoss.CrossEntropy);
        string? to = parsed.GetValue(MarginTo);
        // Among many photos, some may be predicted as that class itself.
        if (to is not null && text is null)
            throw new UsageException($"--margin-to {to}: it needs --target, the class to compare with it.");
        try
        {
            return Question.Parse(text, to, labels, classes);
        }
        catch (ArgumentException mistake)
        {
            throw new UsageException($"--target {text}{(to is null ? "" : $" --margin-to {to}")}: {mistake.Message}");
        }
    }

    /// <summary>Rejects mistakes that can be detected before a network is loaded.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="kinds">The methods that must be ready.</param>
    /// <param name="labels">The names of the classes; null where they are not known yet.</param>
    /// <param name="demo">Whether a demo network is to be loaded, which brings its statistics.</param>
    public void Check(ParseResult parsed, IEnumerable<MethodKind> kinds, ClassLabels? labels, bool demo)
    {
        if (labels is not null)
            Asked(parsed, labels, labels.Count);
        bool folder = parsed.GetValue(_folder) is { Length: > 0 };
        if (folder && parsed.GetValue(_statistics) is not null)
            throw new UsageException("--statistics and --images exclude each other: give one of them.");
        foreach (MethodKind kind in kinds)
        {
            if (kind.Needs == MethodNeeds.Statistics && !folder && !demo && parsed.GetValue(_statistics) is null)
                throw StatisticsSource.Missing(takesFolder: !_evaluates);
            if (kind.Needs == MethodNeeds.Readout && parsed.GetValue(_readout) is null)
                throw new UsageException($"{kind.Name} needs a trained readout. Give --readout FILE, made by: iba readout train --images DIR --out FILE");
            if (kind.Needs == MethodNeeds.Patterns && parsed.GetValue(_patterns) is null)
                throw new UsageException($"{kind.Name} needs signal patterns. Give --patterns FILE, made by: iba patterns fit --images DIR --out FILE");
        }
    }

    /// <summary>The photos to estimate statistics from, looked up before a network is loaded; null where none were named.</summary>
    public PhotoSet? Photos(ParseResult parsed) => parsed.GetValue(_folder) is { Length: > 0 } names ? NamedPhotos.Images(names) : null;

    public StatisticsSource Statistics(ParseResult parsed, LoadedNetwork loaded, PhotoSet? photos = null) =>
        new(loaded, parsed.GetValue(_statistics), photos, parsed.GetValue(_samples), takesFolder: !_evaluates);

    /// <summary>Opens the readout and holds it against the network; null where none was given.</summary>
    public ReadoutSource? Readout(ParseResult parsed, LoadedNetwork loaded) => ReadoutSource.Load(loaded, parsed.GetValue(_readout));

    /// <summary>All but the statistics, which a command may want of several layers, or not at all.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="loaded">The network.</param>
    /// <param name="readout">The readout, where it is wanted; it outlives the methods.</param>
    /// <param name="batch">Images that a bottleneck takes at a time.</param>
    public MethodInputs Inputs(ParseResult parsed, LoadedNetwork loaded, ReadoutSource? readout, int batch = 1)
    {
        var inputs = new MethodInputs(loaded.Network, loaded.Image)
        {
            Bottleneck = Bottleneck(parsed),
            Batch = batch,
            Readout = readout is null ? null : readout.Method,
            ReadoutStatistics = readout?.Network.Statistics,
            ReadoutSha256 = readout?.Sha256 ?? "",
            ReadoutBeta = readout?.Network.Settings.Bottleneck.Beta,
            Patterns = parsed.GetValue(_patterns) is { } file ? Patterns.Load(file, Interrupt.Token) : null,
            WeightsSha256 = loaded.WeightsSha256,
            // A class that was asked for is meant for every method, also for those that the paper's code shows the prediction of.
            Class = parsed.GetValue(_target) is not null ? ExplainedClass.Target : null,
            Seed = parsed.GetValue(_seed),
            AsPublished = parsed.GetValue(_published),
            NoiseSamples = parsed.GetValue(_noiseSamples),
            PathSteps = parsed.GetValue(_pathSteps),
            Baseline = parsed.GetValue(_baseline) == "zero" ? Baseline.Zero : Baseline.MeanColour,
            CamLayer = parsed.GetValue(_camLayer),
            MemoryBudget = _evaluates ? NetworkMethod.DefaultMemoryBudget : (long)parsed.GetValue(_memory) << 20,
        };
        inputs.Patterns?.MustFit(loaded.Network, loaded.WeightsSha256, loaded.ChecksSamples ? loaded.Preprocessing : null);
        return inputs;
    }
}
