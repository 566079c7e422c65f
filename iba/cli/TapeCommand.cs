using System.CommandLine;
using System.Text.Json;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Diagnostics;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Images;
using Iba.Methods;
using Iba.Paths;
using Iba.Reports;
using Iba.Statistics;
using Iba.Weights;

namespace Iba.Cli;

/// <summary><c>iba tape</c>: the gradient path of a photo, line by line, as data and as a page.</summary>
internal static class TapeCommand
{
    /// <summary>What --dump calls the steps of the loop.</summary>
    public const string StepsName = "steps";

    private const string OfNetwork = "network", OfLoop = AttributionMethods.PerSample;

    public static Command Create()
    {
        var image = new Argument<string?>("IMAGE") { Description = "The photo. With none, the demo network and its photo.", Arity = ArgumentArity.ZeroOrOne };
        var of = new Option<string>("--of")
        {
            Description = $"{OfNetwork}: the network, from the photo to a logit; {OfLoop}: the bottleneck's loop, from α to its loss.",
            DefaultValueFactory = _ => OfNetwork,
        };
        of.AcceptOnlyFromAmong(OfNetwork, OfLoop);
        var step = new Option<int>("--step")
        {
            Description = $"Updates of the mask before the step that is recorded, with --of {OfLoop}.",
            CustomParser = Number.Between(0, 10_000).Parse,
        };
        var layer = new Option<string?>("--layer") { Description = "The bottleneck's layer. Default: that of the statistics.", HelpName = "NAME" };
        var rule = new Option<string[]>("--rule")
        {
            Description = $"A second backward pass beside the gradient: {string.Join(", ", RuleMap.Names)}. NAME=RULE sets one for some layers, such as "
                + "'layer4.*=lrp-alpha1-beta0'; the first that fits a line decides, and all other lines keep their derivative.",
            HelpName = "RULE",
            DefaultValueFactory = _ => [],
        };
        var completeness = new Option<int>("--completeness")
        {
            Description = "Points on the path of integrated gradients at which the completeness gap of every layer is computed; 0 for none.",
            CustomParser = Number.Between(0, 100_000).Parse,
        };
        var dump = new Option<string?>("--dump")
        {
            Description = "Lines whose tensors are written to NAME.tape.safetensors, such as layer2.3,layer4:grad,layer4:rule (N, H, W, C); "
                + $"{StepsName}: α, λ and the gradient of α before every update, with --of {OfLoop}.",
            HelpName = "NAME,...",
        };
        var check = new Option<string[]>("--check")
        {
            Description = "A line whose derivative is compared with finite differences, summed in double; may be repeated.",
            HelpName = "NAME",
            DefaultValueFactory = _ => [],
        };
        var repeats = new Option<int>("--repeats")
        {
            Description = "Passes whose median time is given.",
            DefaultValueFactory = _ => 5,
            CustomParser = Number.Between(1, 10_000).Parse,
        };
        var fused = new Option<bool>("--fused")
        {
            Description = "Record convolution, bias, residual and ReLU as one line, as all other commands do. A rule needs them in parts.",
        };
        var noStatistics = new Option<bool>("--no-statistics") { Description = "Record times and bytes alone." };
        var output = new Option<string>("--out")
        {
            Description = "Folder for NAME.tape.json, NAME.tape.html and NAME.tape.safetensors.",
            DefaultValueFactory = _ => ".",
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var noReport = new Option<bool>("--no-report") { Description = "Write no page." };
        var methodOptions = new MethodOptions();
        var networkOptions = new NetworkOptions();
        var command = new Command("tape", "Show the gradient path of a photo line by line: time, code, activation and gradient, and where it breaks.")
        {
            image, of, step, layer, rule, completeness, dump, check, repeats, fused, noStatistics, output, noReport,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        networkOptions.CheckFinite.Hidden = true;
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(networkOptions.CheckFinite))
            {
                throw new UsageException("--check-finite: it would stop the run that iba tape follows to its end. Leave it out: first_non_finite in "
                    + "NAME.tape.json is the first line that computes NaN or an infinity.");
            }
            bool loop = parsed.GetValue(of) == OfLoop;
            string[] rules = parsed.GetValue(rule)!;
            using RuleMap? map = rules.Length == 0 ? null : RuleMap.Parse(rules);
            if (map is not null && (loop || parsed.GetValue(fused)))
                throw new UsageException($"--rule needs the network in parts: leave {(loop ? $"--of {OfLoop}" : "--fused")} out.");
            if (loop && parsed.GetValue(completeness) > 0)
                throw new UsageException($"--completeness is about the path from a baseline to the photo: leave --of {OfLoop} out.");
            string? fallback = parsed.GetValue(image) is null ? Demo.Networks[0] : null;
            string name = parsed.GetValue(image) ?? Folders.DemoFile(Demo.Sample);
            PhotoSet photos = NamedPhotos.All([name]);
            if (photos.Files.Count != 1)
                throw new UsageException($"{name}: it stands for {photos.Files.Count} photos. Name one.");
            BottleneckSettings settings = methodOptions.Bottleneck(parsed);
            settings.Check();
            methodOptions.Check(parsed, loop ? [AttributionMethods.Find(OfLoop)] : [], networkOptions.KnownLabels(parsed, fallback),
                networkOptions.DemoNetwork(parsed, fallback) is not null);
            PhotoSet? learntFrom = methodOptions.Photos(parsed);
            using LoadedNetwork loaded = networkOptions.Load(parsed, fallback);
            // The path is followed through NaN and infinities: nothing may stop it.
            FiniteCheck.IsOn = false;
            int? target = methodOptions.Target(parsed, loaded);
            PreparedPhoto photo = loaded.Read(photos.Files[0].Path);
            FeatureStatistics? statistics = loop ? methodOptions.Statistics(parsed, loaded, learntFrom).At(parsed.GetValue(layer), settings) : null;

            using RecordedLoop? recordedLoop = !loop ? null
                : new RecordedLoop(loaded.Network, statistics!, loaded.Image, loaded.Sample(photo, target), settings, parsed.GetValue(step));
            using RecordedScore? score = loop ? null : new RecordedScore(loaded.Network, loaded.Image, photo.Input.Values, target, parsed.GetValue(fused));
            Tape tape = recordedLoop?.Tape ?? score!.Tape;
            if (map?.Unused(tape).FirstOrDefault() is { } unused)
                throw new UsageException($"--rule {unused}=...: no line has such a name.");
            var path = GradientPath.Of(tape, recordedLoop?.Loss ?? score!.Score, new GradientPathSettings
            {
                Rule = map,
                Layers = recordedLoop?.Layers ?? score!.Layers,
                Repeats = parsed.GetValue(repeats),
                Statistics = !parsed.GetValue(noStatistics),
            });
            if (score is not null && parsed.GetValue(completeness) is > 0 and var points)
            {
                path = path with { Layers = score.WithCompleteness(path.Layers, Baseline.MeanColour, points) };
                tape.Forward();
            }
            var found = new TapeFiles(loaded, photo, path, tape, Path.Combine(parsed.GetValue(output)!, AttributionFiles.Stem(photo.Path)))
            {
                Of = loop ? $"the per-sample bottleneck after {parsed.GetValue(step)} updates" : $"class {loaded.Labels[score!.Target]}",
                Rule = rules.Length == 0 ? null : string.Join(", ", rules),
                Target = recordedLoop?.Target ?? score!.Target,
                Checks = [.. parsed.GetValue(check)!.SelectMany(line => DerivativeCheck.Of(Line(loaded, tape, "--check", line)))],
                Steps = recordedLoop,
                Settings = statistics is null ? new Dictionary<string, string>() : new Dictionary<string, string>
                {
                    ["layer"] = statistics.Origin.Layer,
                    ["statistics_sha256"] = statistics.Sha256,
                    ["settings"] = $"{settings}",
                },
            };
            string[] dumped = parsed.GetValue(dump)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
            found.Write(dumped, page: !parsed.GetValue(noReport));
            return (int)ExitCode.Done;
        });
        return command;
    }

    /// <summary>A line by its name, which for a layer may be short.</summary>
    /// <exception cref="UsageException">No line has that name.</exception>
    public static Value Line(LoadedNetwork loaded, Tape tape, string option, string name)
    {
        string full = loaded.Network.Has(name) ? loaded.Network.Resolve(name) : name;
        return tape.LastOrDefault(line => line.Name == full)
            ?? throw new UsageException($"{option} {name}: no line is named {full}. NAME.tape.json lists them.");
    }
}

/// <summary>Writes what was recorded: data, tensors and the page.</summary>
internal sealed class TapeFiles(LoadedNetwork loaded, PreparedPhoto photo, GradientPath path, Tape tape, string stem)
{
    /// <summary>What was differentiated, in words.</summary>
    public required string Of { get; init; }

    /// <summary>The rules of the second pass; null if there was none.</summary>
    public string? Rule { get; init; }

    /// <summary>The class explained.</summary>
    public int Target { get; init; }

    /// <summary>Derivatives that were compared with finite differences.</summary>
    public IReadOnlyList<DerivativeCheck> Checks { get; init; } = [];

    /// <summary>The bottleneck's loop; null for the network.</summary>
    public RecordedLoop? Steps { get; init; }

    public void Write(string[] dump, bool page)
    {
        if (dump.Length > 0)
            SafetensorsFile.Write($"{stem}.tape.safetensors", [.. dump.SelectMany(Tensors)], Facts, cancel: Interrupt.Token);
        var document = new TapeDocument(
            photo.Path, loaded.Network.Name, Of, Target, Rule, Facts, path.Times,
            path.FirstNonFinite is { } found ? new NonFiniteDocument(
                found.Line, found.Name, found.Op, found.IsBackward, found.Result.Name, found.Row, [.. found.Causes.Select(cause => cause.Name)],
                [.. found.Inputs], found.ToString()) : null,
            path.LargestLoss?.Name, path.Parting?.Name, path.Layers, path.Lines, Checks);
        AtomicFile.Write($"{stem}.tape.json", JsonSerializer.SerializeToUtf8Bytes(document, Json.Lines.TapeDocument), Interrupt.Token);
        Terminal.Data($"{photo.Path}: {path.Lines.Count} lines, {path.Times.Plain:0.0} ms, recording {path.Times.Overhead:+0.0%;-0.0%}"
            + $"{(path.Times.StatisticsOverhead is { } more ? $", with statistics {more:+0%;-0%}" : "")}"
            + $"{(path.LargestLoss is { } loss ? $"; {loss.Name} passes on {loss.Passed:G3} of the gradient's norm" : "")}"
            + $"{(path.FirstNonFinite is { } broken ? $"; not finite: {broken}" : "")} -> {stem}.tape.json");
        foreach (DerivativeCheck check in Checks)
            Terminal.Data($"{check.Line} by {check.Input}: derivative {check.Derivative:G7}, finite difference {check.Difference:G7}, gap {check.Gap:G2}");
        if (!page)
            return;
        AtomicFile.Write($"{stem}.tape.html", new TapePage($"The gradient path of {Path.GetFileName(photo.Path)}: {Of}", path, tape)
        {
            Rule = Rule,
            Facts = Facts,
            Command = ReportFile.Command,
            Checks = Checks,
        }.ToBytes(), Interrupt.Token);
        ReportFile.Tell($"{stem}.tape.html");
    }

    /// <summary>What decides the bottleneck's loop.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    private Dictionary<string, string> Facts => new(Settings)
    {
        ["version"] = ResultFacts.Version,
        ["model"] = loaded.Network.Name,
        ["weights_sha256"] = loaded.WeightsSha256,
        ["image"] = Path.GetFileName(photo.Path),
        ["image_sha256"] = photo.Sha256,
        ["preprocessing"] = $"{loaded.Preprocessing}",
        ["target"] = loaded.Labels.Describe(Target),
        ["of"] = Of,
        ["rule"] = Rule ?? "none",
        ["device"] = loaded.Arithmetic.Device,
        ["precision"] = loaded.Arithmetic.Precision,
    };

    private IEnumerable<SafetensorsTensor> Tensors(string word)
    {
        if (word == TapeCommand.StepsName)
        {
            if (Steps is not { Steps: { Count: > 0 } steps })
                throw new UsageException("--dump steps: it needs --of per-sample and a --step of at least 1.");
            int[] shape = [steps.Count, .. Steps.Features.Dims[1..]];
            yield return new SafetensorsTensor("steps.alpha", shape, steps.SelectMany(step => step.Alpha).ToArray());
            yield return new SafetensorsTensor("steps.lambda", shape, steps.SelectMany(step => step.Mask).ToArray());
            yield return new SafetensorsTensor("steps.alpha.gradient", shape, steps.SelectMany(step => step.AlphaGradient).ToArray());
            yield break;
        }
        string[] parts = word.Split(':');
        Value line = TapeCommand.Line(loaded, tape, "--dump", parts[0]);
        float[] numbers = tape.Backend.Read(parts.Length == 1 ? line.Data : parts[1] switch
        {
            "grad" => path.Gradients[line],
            "rule" => (path.RuleGradients ?? throw new UsageException($"--dump {word}: there is no second pass. Give --rule."))[line],
            _ => throw new UsageException($"--dump {word}: after the colon, it must be grad or rule."),
        });
        yield return new SafetensorsTensor(word, [.. line.Shape.Dims], numbers);
    }
}
