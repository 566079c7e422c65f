using System.CommandLine;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Methods;
using Iba.Statistics;
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
        Description = $"all, or some of: {string.Join(", ", Measures.All.Select(kind => kind.Name))}. all leaves out those that lack something or do not "
            + "fit the image.",
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
    private readonly Option<string[]> _grid = new("--grid")
    {
        Description = $"Settings of {AttributionMethods.PerSample} and their values, such as --grid beta=0.1,1,10 learning-rate=0.3,1,3: every combination is "
            + $"evaluated. Settings: {string.Join(", ", AttributionMethods.Find(AttributionMethods.PerSample).Settings.Select(setting => setting.Name))}.",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "NAME=VALUE,...",
    };
    private readonly Option<string[]> _layerStatistics = new("--layer-statistics")
    {
        Description = "Feature statistics of another layer, made by iba estimate --layer NAME, for per-sample:layer=NAME; may be given more than once.",
        Arity = ArgumentArity.OneOrMore,
        DefaultValueFactory = _ => [],
        HelpName = "FILE",
    };
    private readonly Option<string?> _labelsOf = new("--labels-of")
    {
        Description = "A list of the photos' classes in place of their folders: a photo's name and its class in each line, as caffe's val.txt has it.",
        HelpName = "FILE",
        Validators = { Validators.FileToRead("leave --labels-of out where the photos' folders are named after their classes.") },
    };
    private readonly Option<string> _explain = new("--explain")
    {
        Description = "The class that Grad-CAM and PatternAttribution explain: label, or predicted, as the paper's code does.",
        DefaultValueFactory = _ => "label",
        HelpName = "CLASS",
    };
    private readonly Option<ulong> _measureSeed = new("--measure-seed")
    {
        Description = "Seed of what measures draw: sets of Sensitivity-n and the random networks of the sanity check.",
        CustomParser = Number.AtLeast(0ul).Parse,
    };
    private readonly Option<double> _ssimRange = new("--ssim-range")
    {
        Description = "Data range of the sanity check's SSIM: 1, or 2 as in scikit-image when the paper was written.",
        DefaultValueFactory = _ => 1,
        CustomParser = Number.Between(1.0, 2.0).Parse,
    };
    private readonly Option<string[]> _restimate = new("--restimate")
    {
        Description = "Photos to estimate the feature statistics of the sanity check's random networks from, for per-sample from the point on at which its "
            + $"layer is random; {FeatureStatistics.UsualSamples} at most. Without it, the statistics of the trained network are kept.",
        Arity = ArgumentArity.OneOrMore,
        DefaultValueFactory = _ => [],
        HelpName = "DIR",
    };
    private readonly Option<int> _noiseCopies = new("--noise-copies")
    {
        Description = "Fresh noise samples per image where a measure replaces features by noise: restriction and ground-truth.",
        DefaultValueFactory = _ => 10,
        CustomParser = Number.Between(1, 10_000).Parse,
    };
    private readonly Option<bool> _replaced = new("--with-replacement")
    {
        Description = "Draw the sets of Sensitivity-n with replacement, as the paper's code draws pixels.",
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
    private readonly Option<Shard> _shard = CommonOptions.Shard(
        "Evaluate a part of the photos, such as 2/8, into the same --out as the other parts; auto takes the part from Slurm, Open MPI, or with auto/8 from "
        + "Kubernetes.");
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
    private readonly bool _searches;

    /// <param name="only">The command's measure; null where --measures names them.</param>
    /// <param name="searches">Whether the methods are a grid of settings.</param>
    public EvaluationOptions(MeasureKind? only = null, bool searches = false)
    {
        (_only, _searches) = (only, searches);
        if (searches)
            _measures.DefaultValueFactory = _ => "degradation-14";
        _explain.AcceptOnlyFromAmong("label", "predicted");
        _preset.AcceptOnlyFromAmong(Paper);
        _output.Required = only is null;
    }

    public void AddTo(Command command)
    {
        bool boxes = _only is null || _only.Needs == MeasureNeeds.Annotations, masks = _only is null || _only.Needs == MeasureNeeds.Masks;
        _annotations.Required = _only?.Needs == MeasureNeeds.Annotations;
        _masks.Required = _only?.Needs == MeasureNeeds.Masks;
        foreach (Option option in (Option[])[_images, .. boxes ? (Option[])[_annotations, _classes] : [], .. masks ? (Option[])[_masks] : [],
            .. _only is null ? (Option[])[_measures] : [], .. _searches ? (Option[])[_grid] : [_methods, _preset], _layerStatistics, _explain, _labelsOf,
            .. Settings, _count, _countSeed, _batch, _raw, _output, _shard, _plan, _json])
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
        string? preset = _searches ? null : parsed.GetValue(_preset);
        if (preset is not null && parsed.GetResult(_methods) is { Implicit: false })
            throw new UsageException("--preset and --methods exclude each other: give one of them.");
        string[] names = _searches ? Combinations(parsed.GetValue(_grid)!) : Words(_methods, parsed);
        bool chooses = preset is null && names is not [All];
        MethodVariant[] named = chooses ? [.. names.Select(MethodVariant.Parse)] : [];
        if (named.GroupBy(variant => variant.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UsageException($"--methods: {twice.Key} is named twice. Name it once, or give the second other settings, as in per-sample:beta=100.");
        if (parsed.GetResult(_classes) is not null && string.IsNullOrWhiteSpace(parsed.GetValue(_classes)))
            throw new UsageException($"--classes: it must be {BoxClasses.All}, {BoxClasses.Target} or names.");
        CommonOptions.TellUnusedShard(parsed, _shard);
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
            MethodInputs inputs = _methodOptions.Inputs(parsed, loaded, readout, parsed.GetValue(_batch)) with
            {
                OtherStatistics = [.. parsed.GetValue(_layerStatistics)!.Select(file => FeatureStatistics.Load(file, Interrupt.Token))],
                Class = parsed.GetValue(_explain) == "predicted" ? ExplainedClass.Predicted : ExplainedClass.Target,
            };
            MethodVariant[] variants = chooses ? named : Ready(preset is null ? [.. AttributionMethods.All.Select(kind => new MethodVariant(kind))]
                : PaperColumns.Of(loaded.Network.Name), inputs, _methodOptions.Statistics(parsed, loaded).Any);
            if (variants.Any(variant => variant.Kind.Needs == MethodNeeds.Statistics))
                inputs = inputs with { Statistics = _methodOptions.Statistics(parsed, loaded).At(null) };
            LabelFile? list = parsed.GetValue(_labelsOf) is { } file ? LabelFile.Read(file, loaded.Labels, loaded.Classes, Interrupt.Token) : null;
            var photos = new LabelledPhotos(
                loaded, images, parsed.GetValue(_annotations), parsed.GetValue(_count), parsed.GetValue(_countSeed), parsed.GetValue(_masks), list);
            if (list is null)
                NamedPhotos.WarnUnused(photos.Labels);
            var from = new MeasureInputs(loaded)
            {
                Boxes = new BoxClasses(parsed.GetValue(_classes) ?? BoxClasses.All),
                Seed = parsed.GetValue(_measureSeed),
                SsimRange = parsed.GetResult(_ssimRange) is null ? 1 : parsed.GetValue(_ssimRange),
                NoiseCopies = parsed.GetResult(_noiseCopies) is null ? 10 : parsed.GetValue(_noiseCopies),
                WithReplacement = parsed.GetValue(_replaced),
                Restimation = parsed.GetValue(_restimate) is { Length: > 0 } folders ? new Restimation(loaded, NamedPhotos.Images(folders)) : null,
            };
            bool all = _only is null && Words(_measures, parsed) is [All];
            var ready = new List<MeasureKind>();
            foreach (MeasureKind kind in kinds)
            {
                try
                {
                    measures.Add(kind.Create(from));
                    ready.Add(kind);
                }
                catch (ArgumentException unfit) when (all)
                {
                    Terminal.Say($"left out: {kind.Name}: {unfit.Message}");
                }
            }
            EvaluatedMethod[] methods = [.. variants.Select(variant => EvaluatedMethod.Of(variant, inputs))];
            return new OpenEvaluation(loaded, readout, photos, ready, methods, measures, inputs.Batch, parsed.GetValue(_shard) ?? Shard.Whole);
        }
        catch
        {
            measures.ForEach(measure => measure.Dispose());
            readout?.Dispose();
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The settings of measures that the command has.</summary>
    private IEnumerable<Option> Settings =>
        from each in ((MeasureSettings Setting, Option Option)[])
        [
            (MeasureSettings.Seed, _measureSeed), (MeasureSettings.SsimRange, _ssimRange), (MeasureSettings.NoiseCopies, _noiseCopies),
            (MeasureSettings.WithReplacement, _replaced), (MeasureSettings.Restimation, _restimate),
        ]
        where _only is null || _only.Settings.HasFlag(each.Setting)
        select each.Option;

    /// <summary>The variants of a grid: every combination of the settings' values, the last setting varying fastest.</summary>
    private static string[] Combinations(string[] axes)
    {
        IEnumerable<string> variants = [AttributionMethods.PerSample];
        foreach (string axis in axes)
        {
            if (axis.Split('=') is not [{ Length: > 0 } name, { Length: > 0 } values])
                throw new UsageException($"--grid {axis}: it must be a setting and its values, as in beta=0.1,1,10.");
            string[] each = values.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            variants = [.. variants.SelectMany(variant => each.Select(value => $"{variant}:{name}={value}"))];
        }
        return [.. variants];
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

    /// <summary>The methods.</summary>
    public IReadOnlyList<EvaluatedMethod> Methods => methods;

    /// <summary>The measures, in the order of their objects.</summary>
    public IReadOnlyList<MeasureKind> Kinds => kinds;

    /// <summary>Images that the network was shown to measure maps.</summary>
    public long ForwardPasses(IEnumerable<Measurement> made) => made.Sum(record => measures.First(measure => measure.Name == record.Measure).ForwardPasses);

    /// <summary>The evaluation without the records that exist.</summary>
    public EvaluationRun Run(IEnumerable<RecordKey>? known = null, LabelledPhotos? of = null, int? photosAtOnce = null) => new(of ?? photos, methods, measures)
    {
        Batch = photosAtOnce ?? batch,
        Shard = of is null ? shard : Shard.Whole,
        Known = known ?? [],
    };

    public void Dispose()
    {
        foreach (IMeasure measure in measures)
            measure.Dispose();
        readout?.Dispose();
        loaded.Dispose();
    }
}
