using System.CommandLine;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Methods;
using Iba.Weights;

namespace Iba.Cli;

/// <summary>The options of an evaluation: photos, methods and measures.</summary>
internal sealed class EvaluationOptions
{
    private const string All = "all", Paper = "paper";

    private readonly Option<string[]> _images = new("--images")
    {
        Description = NamedPhotos.Folder + " The map explains a photo's class: that of its sub-folder where these are the network's classes, by "
            + "name, WordNet id, number or order; else the one that its annotation names; else the predicted one, which a line says.",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        HelpName = "DIR",
    };
    private readonly Option<string?> _annotations = new("--annotations")
    {
        Description = "A folder of Pascal VOC XML files with the photos' names, in the same sub-folders or all in one; 1 MiB each at most.",
        HelpName = "DIR",
    };
    private readonly Option<string?> _masks = new("--masks")
    {
        Description = "A folder of grey PNG files with the photos' names and sizes, in the same sub-folders or all in one: white where an object is, such as "
            + "the masks of: iba dataset shapes.",
        HelpName = "DIR",
    };
    private readonly Option<string> _classes = new("--classes")
    {
        Description = $"Whose boxes count, all together: {BoxClasses.All}, {BoxClasses.Target} (those of the photo's own class), or classes as the "
            + "annotations or the network name them.",
        DefaultValueFactory = _ => BoxClasses.All,
        HelpName = "NAME,...",
    };
    private readonly Option<string> _measures = new("--measures")
    {
        Description = $"all, or some of: {string.Join(", ", Measures.All.Select(kind => kind.Name))}. all leaves out those that lack something.",
        DefaultValueFactory = _ => All,
        HelpName = "NAME,...",
    };
    private readonly Option<string> _methods = new("--methods")
    {
        Description = $"all, or some of: {string.Join(", ", AttributionMethods.All.Select(method => method.Name))}. Settings follow after colons, as in "
            + "per-sample:beta=100 or occlusion-8:fill=zero; one method may be named more than once. all leaves out methods that lack something.",
        DefaultValueFactory = _ => "per-sample,random",
        HelpName = "NAME,...",
    };
    private readonly Option<string?> _preset = new("--preset")
    {
        Description = $"{Paper}: the methods of the paper's table 1 for this network, with the settings of its published code, in place of --methods.",
        HelpName = "NAME",
    };
    private readonly Option<int> _count = new("--count")
    {
        Description = "Photos to evaluate, taken evenly from the folder; 0 for all.",
        CustomParser = Number.AtLeast(0).Parse,
    };
    private readonly Option<ulong?> _countSeed = new("--count-seed")
    {
        Description = "Draw the --count photos at random by this seed, without replacement, in place of evenly.",
        CustomParser = Number.AtLeast(0ul).Optional,
    };
    private readonly Option<int> _batch = new("--batch")
    {
        Description = "Photos to explain at a time. A stopped run loses one batch at most.",
        DefaultValueFactory = _ => 4,
        CustomParser = Number.Between(1, 4096).Parse,
    };
    private readonly Option<bool> _raw = new("--not-normalised")
    {
        Description = "Show the network pixels from 0 to 1, as the paper's script did, in place of normalised ones.",
    };
    private readonly Option<string?> _output = new("--out")
    {
        Description = "A folder for the evaluation's records. The same command continues what is there.",
        HelpName = "DIR",
        Validators = { Validators.FolderToWrite },
    };
    private readonly Option<Shard> _shard = new("--shard")
    {
        Description = "Evaluate a part of the photos, such as 2/8, into the same --out as the other parts; auto takes the part from Slurm, Open MPI, or with "
            + "auto/8 from Kubernetes.",
        HelpName = "I/N",
        CustomParser = argument =>
        {
            try
            {
                return Shard.Parse(argument.Tokens is [var token] ? token.Value : "", Environment.GetEnvironmentVariable);
            }
            catch (FormatException mistake)
            {
                argument.AddError($"--shard {string.Join(' ', argument.Tokens)}: {mistake.Message}");
                return Shard.Whole;
            }
        },
    };
    private readonly Option<bool> _plan = new("--plan")
    {
        Description = "Evaluate two batches, say how long the whole evaluation takes here and how much memory and disk it needs, and keep nothing.",
    };
    private readonly Option<bool> _json = new("--json")
    {
        Description = "One line of JSON per photo and method on stdout, in place of the table, and one for each photo left out.",
    };
    private readonly MethodOptions _methodOptions = new(evaluates: true);
    private readonly NetworkOptions _networkOptions = new();
    private readonly MeasureKind? _only;

    /// <param name="only">The command's measure; null where --measures names them.</param>
    public EvaluationOptions(MeasureKind? only = null)
    {
        _only = only;
        _preset.AcceptOnlyFromAmong(Paper);
        _output.Required = only is null;
    }

    public void AddTo(Command command)
    {
        bool boxes = _only is null || _only.Needs == MeasureNeeds.Annotations, masks = _only is null || _only.Needs == MeasureNeeds.Masks;
        _annotations.Required = _only?.Needs == MeasureNeeds.Annotations;
        _masks.Required = _only?.Needs == MeasureNeeds.Masks;
        foreach (Option option in (Option[])[_images, .. boxes ? (Option[])[_annotations, _classes] : [], .. masks ? (Option[])[_masks] : [],
            .. _only is null ? (Option[])[_measures] : [], _methods, _preset, _count, _countSeed, _batch, _raw, _output, _shard, _plan, _json])
        {
            command.Add(option);
        }
        _methodOptions.AddTo(command);
        _networkOptions.AddTo(command);
    }

    /// <summary>Whether results are lines of JSON.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>The folder of the records; null where none are kept.</summary>
    public string? Folder(ParseResult parsed) => parsed.GetValue(_output);

    /// <summary>Whether only a plan is wanted.</summary>
    public bool PlansOnly(ParseResult parsed) => parsed.GetValue(_plan);

    /// <summary>Opens everything that the command line names. Mistakes that can be seen before a network is loaded are refused before.</summary>
    public OpenEvaluation Open(ParseResult parsed)
    {
        MeasureKind[] kinds = Kinds(parsed);
        string? preset = parsed.GetValue(_preset);
        if (preset is not null && parsed.GetResult(_methods) is { Implicit: false })
            throw new UsageException("--preset and --methods exclude each other: give one of them.");
        string[] names = Words(_methods, parsed);
        bool chooses = preset is null && names is not [All];
        MethodVariant[] named = chooses ? [.. names.Select(MethodVariant.Parse)] : [];
        if (named.GroupBy(variant => variant.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UsageException($"--methods: {twice.Key} is named twice. Name it once, or give the second other settings, as in per-sample:beta=100.");
        if (parsed.GetResult(_classes) is not null && string.IsNullOrWhiteSpace(parsed.GetValue(_classes)))
            throw new UsageException($"--classes: it must be {BoxClasses.All}, {BoxClasses.Target} or names.");
        if (parsed.GetResult(_shard) is null or { Implicit: true } && Shard.Offered(Environment.GetEnvironmentVariable) is { } variable)
            Terminal.Say($"{variable} is set, but without --shard auto this process evaluates every photo.");
        _methodOptions.Check(parsed, named.Select(variant => variant.Kind), labels: null, _networkOptions.DemoNetwork(parsed, Demo.Networks[0]) is not null);
        PhotoSet images = NamedPhotos.Images(parsed.GetValue(_images)!);
        if (_networkOptions.NamesNone(parsed))
            Terminal.Say($"neither --model nor --weights was given: evaluating {Demo.Networks[0]}, which comes with the program.");
        LoadedNetwork opened = _networkOptions.Load(parsed, Demo.Networks[0]);
        ReadoutSource? readout = null;
        var measures = new List<IMeasure>();
        try
        {
            LoadedNetwork loaded = parsed.GetValue(_raw) ? opened with { Preprocessing = opened.Preprocessing.NotNormalised, ChecksSamples = false } : opened;
            readout = _methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = _methodOptions.Inputs(parsed, loaded, readout, parsed.GetValue(_batch));
            MethodVariant[] variants = chooses ? named : Ready(preset is null ? [.. AttributionMethods.All.Select(kind => new MethodVariant(kind))]
                : PaperColumns.Of(loaded.Network.Name), inputs, _methodOptions.Statistics(parsed, loaded).Any);
            if (variants.Any(variant => variant.Kind.Needs == MethodNeeds.Statistics))
                inputs = inputs with { Statistics = _methodOptions.Statistics(parsed, loaded).At(null) };
            var photos = new LabelledPhotos(
                loaded, images, parsed.GetValue(_annotations), parsed.GetValue(_count), parsed.GetValue(_countSeed), parsed.GetValue(_masks));
            NamedPhotos.WarnUnused(photos.Labels);
            var from = new MeasureInputs(loaded) { Boxes = new BoxClasses(parsed.GetValue(_classes) ?? BoxClasses.All) };
            foreach (MeasureKind kind in kinds)
                measures.Add(kind.Create(from));
            EvaluatedMethod[] methods = [.. variants.Select(variant => EvaluatedMethod.Of(variant, inputs))];
            return new OpenEvaluation(loaded, readout, photos, kinds, methods, measures, inputs.Batch, parsed.GetValue(_shard) ?? Shard.Whole);
        }
        catch
        {
            measures.ForEach(measure => measure.Dispose());
            readout?.Dispose();
            opened.Dispose();
            throw;
        }
    }

    private static string[] Words(Option<string> option, ParseResult parsed)
    {
        string[] words = parsed.GetValue(option)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 0 ? words : throw new UsageException($"{option.Name} {parsed.GetValue(option)}: it must name at least one.");
    }

    /// <summary>The measures: the command's own, or those of --measures.</summary>
    private MeasureKind[] Kinds(ParseResult parsed)
    {
        if (_only is not null)
            return [_only];
        string[] names = Words(_measures, parsed);
        bool all = names is [All];
        MeasureKind[] kinds = [.. (all ? Measures.All : names.Select(Measures.Find)).Distinct()];
        var ready = new List<MeasureKind>();
        foreach (MeasureKind kind in kinds)
        {
            string? lacks = kind.Needs switch
            {
                MeasureNeeds.Annotations when parsed.GetValue(_annotations) is null => "annotations: give --annotations DIR",
                MeasureNeeds.Masks when parsed.GetValue(_masks) is null => "masks: give --masks DIR",
                _ => null,
            };
            if (lacks is null)
                ready.Add(kind);
            else if (all)
                Terminal.Say($"left out: {kind.Name} needs {lacks}.");
            else
                throw new UsageException($"--measures: {kind.Name} needs {lacks}.");
        }
        return [.. ready];
    }

    /// <summary>Those of many methods that have what they need; a line names the others.</summary>
    private static MethodVariant[] Ready(IReadOnlyList<MethodVariant> variants, MethodInputs inputs, bool statistics)
    {
        var ready = new List<MethodVariant>();
        foreach (MethodVariant variant in variants)
        {
            string? lacks = variant.Kind.Needs switch
            {
                MethodNeeds.Statistics when !statistics => "feature statistics: give --statistics FILE, made by: iba estimate",
                MethodNeeds.Readout when inputs.Readout is null => "a trained readout: give --readout FILE, made by: iba readout train",
                MethodNeeds.Patterns when inputs.Patterns is null => "signal patterns: give --patterns FILE, made by: iba patterns fit",
                _ => null,
            };
            if (lacks is null)
                ready.Add(variant);
            else
                Terminal.Say($"left out: {variant.Name} needs {lacks}.");
        }
        return [.. ready];
    }
}

/// <summary>An evaluation that is ready to run.</summary>
internal sealed class OpenEvaluation(
    LoadedNetwork loaded, ReadoutSource? readout, LabelledPhotos photos, IReadOnlyList<MeasureKind> kinds, IReadOnlyList<EvaluatedMethod> methods,
    IReadOnlyList<IMeasure> measures, int batch, Shard shard) : IDisposable
{
    public LoadedNetwork Loaded => loaded;

    public LabelledPhotos Photos => photos;

    public Shard Shard => shard;

    /// <summary>The measures, in the order of their objects.</summary>
    public IReadOnlyList<MeasureKind> Kinds => kinds;

    /// <summary>Images that the network was shown to measure maps.</summary>
    public long ForwardPasses(IEnumerable<Measurement> made) => made.Sum(record => measures.First(measure => measure.Name == record.Measure).ForwardPasses);

    /// <summary>The evaluation without the records that exist.</summary>
    public EvaluationRun Run(IReadOnlySet<RecordKey>? known = null, LabelledPhotos? of = null, int? photosAtOnce = null) => new(of ?? photos, methods, measures)
    {
        Batch = photosAtOnce ?? batch,
        Shard = of is null ? shard : Shard.Whole,
        Known = known ?? new HashSet<RecordKey>(),
    };

    public void Dispose()
    {
        foreach (IMeasure measure in measures)
            measure.Dispose();
        readout?.Dispose();
        loaded.Dispose();
    }
}
