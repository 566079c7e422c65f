using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Methods;
using Iba.Weights;

namespace Iba.Cli;

/// <summary><c>iba evaluate</c>: how well methods find what a decision rests on. A command for each measure.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var command = new Command("evaluate", "Measure attribution methods against what is known of photos.");
        foreach (MeasureKind kind in Measures.All)
            command.Add(Measure(kind));
        return command;
    }

    private static Command Measure(MeasureKind kind)
    {
        var images = new Option<string[]>("--images")
        {
            Description = NamedPhotos.Folder + " The map explains a photo's class: that of its sub-folder where these are the network's classes, by "
                + "name, WordNet id, number or order; else the one that its annotation names; else the predicted one, which a line says.",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
            HelpName = "DIR",
        };
        var annotations = new Option<string>("--annotations")
        {
            Description = "A folder of Pascal VOC XML files with the photos' names, in the same sub-folders or all in one; 1 MiB each at most.",
            Required = true,
            HelpName = "DIR",
        };
        var classes = new Option<string>("--classes")
        {
            Description = $"Whose boxes count, all together: {BoxClasses.All}, {BoxClasses.Target} (those of the photo's own class), or classes as the "
                + "annotations or the network name them.",
            DefaultValueFactory = _ => BoxClasses.All,
            HelpName = "NAME,...",
        };
        var methods = new Option<string>("--methods")
        {
            Description = $"Some of: {string.Join(", ", AttributionMethods.All.Select(method => method.Name))}.",
            DefaultValueFactory = _ => "per-sample,random",
            HelpName = "NAME,...",
        };
        var count = new Option<int>("--count")
        {
            Description = "Photos to evaluate, taken evenly from the folder; 0 for all.",
            CustomParser = Number.AtLeast(0).Parse,
        };
        var batch = new Option<int>("--batch")
        {
            Description = "Photos to explain at a time.",
            DefaultValueFactory = _ => 4,
            CustomParser = Number.Between(1, 4096).Parse,
        };
        var raw = new Option<bool>("--not-normalised")
        {
            Description = "Show the network pixels from 0 to 1, as the paper's script did, in place of normalised ones.",
        };
        var json = new Option<bool>("--json")
        {
            Description = "One line of JSON per photo and method on stdout, in place of the table, and one for each photo left out.",
        };
        bool annotated = kind.Needs == MeasureNeeds.Annotations;
        var methodOptions = new MethodOptions(evaluates: true);
        var networkOptions = new NetworkOptions();
        var command = new Command(kind.Name, kind.About);
        foreach (Option option in (Option[])[images, .. annotated ? (Option[])[annotations, classes] : [], methods, count, batch, raw, json])
            command.Add(option);
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(methods)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            MethodKind[] kinds = [.. names.Select(AttributionMethods.Find)];
            if (kinds.Length == 0)
                throw new UsageException($"--methods {parsed.GetValue(methods)}: it must name at least one method.");
            if (annotated && string.IsNullOrWhiteSpace(parsed.GetValue(classes)))
                throw new UsageException($"--classes: it must be {BoxClasses.All}, {BoxClasses.Target} or names.");

            methodOptions.Check(parsed, kinds, labels: null, networkOptions.DemoNetwork(parsed, Demo.Networks[0]) is not null);
            PhotoSet named = NamedPhotos.Images(parsed.GetValue(images)!);
            if (networkOptions.NamesNone(parsed))
                Terminal.Say($"neither --model nor --weights was given: evaluating {Demo.Networks[0]}, which comes with the program.");
            using LoadedNetwork opened = networkOptions.Load(parsed, Demo.Networks[0]);
            LoadedNetwork loaded = parsed.GetValue(raw)
                ? opened with { Preprocessing = opened.Preprocessing.NotNormalised, ChecksSamples = false }
                : opened;
            using ReadoutSource? masks = methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks, parsed.GetValue(batch)) with
            {
                Statistics = kinds.Any(method => method.Needs == MethodNeeds.Statistics) ? methodOptions.Statistics(parsed, loaded).At(null) : null,
            };
            var photos = new LabelledPhotos(loaded, named, annotated ? parsed.GetValue(annotations) : null, parsed.GetValue(count));
            NamedPhotos.WarnUnused(photos.Labels);
            var boxes = new BoxClasses(annotated ? parsed.GetValue(classes)! : BoxClasses.All);
            using IMeasure measure = kind.Create(new MeasureInputs(loaded) { Boxes = boxes });
            var run = new EvaluationRun(photos, [.. kinds.Select(method => new EvaluatedMethod(method, inputs))], [measure]) { Batch = inputs.Batch };
            return (int)new EvaluationReport(loaded, photos, kind, parsed.GetValue(json)).Print(run);
        });
        return command;
    }
}

/// <summary>Prints the records of an evaluation as they come, and the scores at the end. Stopped, it prints those of the photos done.</summary>
internal sealed class EvaluationReport(LoadedNetwork loaded, LabelledPhotos photos, MeasureKind kind, bool json)
{
    private readonly List<EvaluationRecord> _records = [];
    private readonly HashSet<string> _predicted = [];

    public ExitCode Print(EvaluationRun run)
    {
        int all = photos.Files.Count;
        bool stopped = false;
        try
        {
            Terminal.Progress($"explaining, {photos.Source}", all, bar =>
            {
                foreach (EvaluationRecord record in run.Records(new AttributionRelay(bar.Report), Interrupt.Token))
                {
                    _records.Add(record);
                    Print(record);
                }
            });
        }
        catch (OperationCanceledException)
        {
            stopped = true;
        }
        int failed = _records.OfType<FailedPhoto>().Count(), leftOut = _records.OfType<LeftOutPhoto>().Count();
        if (failed == all)
        {
            string needs = kind.Needs == MeasureNeeds.Annotations ? "a picture that can be read and an annotation of its name" : "a picture that can be read";
            Terminal.Fail($"none of {all} photos could be evaluated, for the reasons above: each needs {needs}.");
            return ExitCode.Failed;
        }
        IReadOnlyList<Score> scores = kind.Scores(_records);
        if (scores.Count == 0 && !stopped)
            throw new UsageException($"none of {all} photos counts, for the reasons above: there is nothing to evaluate.");
        if (!json && scores.Count > 0)
        {
            (string[] columns, string[][] rows) = Table(scores, Title);
            Terminal.Table(columns, rows);
        }
        if (leftOut > 0)
            Terminal.Say($"left out: {leftOut} of {all} photos, for the reasons above.");
        if (_predicted.Count > 0)
        {
            Terminal.Say($"without a label: {_predicted.Count} of {all} photos, where the network's own prediction was explained. "
                + "To label photos, put them into folders named after their classes.");
        }
        return stopped || failed > 0 ? ExitCode.Partial : ExitCode.Done;
    }

    private void Print(EvaluationRecord record)
    {
        switch (record)
        {
            case FailedPhoto failed:
                FailureLine.Tell(failed.Image, failed.Reason, json);
                break;
            case LeftOutPhoto leftOut:
                Terminal.Say($"{leftOut.Image}: left out: {leftOut.Reason}.");
                if (json)
                    Terminal.Data(JsonSerializer.Serialize(new LeftOutLine(leftOut.Image, leftOut.Reason), Json.Lines.LeftOutLine));
                break;
            case Measurement measurement:
                if (measurement.TargetFrom == TargetSource.Prediction && _predicted.Add(measurement.Image))
                {
                    Terminal.Say($"{measurement.Image}: its class is not known: the network's own prediction is explained, "
                        + $"{loaded.Labels.Describe(measurement.Target)}.");
                }
                if (json)
                    Terminal.Data(Line(measurement, loaded.Arithmetic));
                break;
        }
    }

    /// <summary>A line of <c>--json</c>: a quantity is a number, or a list where it has several.</summary>
    internal static string Line(Measurement measurement, Arithmetic arithmetic)
    {
        var line = new JsonObject
        {
            ["image"] = measurement.Image,
            ["method"] = measurement.Method,
            ["target"] = measurement.Target,
            ["target_from"] = $"{measurement.TargetFrom}".ToLowerInvariant(),
        };
        foreach ((string name, double[] values) in measurement.Numbers)
            line[name] = values is [var only] ? Number(only) : new JsonArray([.. values.Select(Number)]);
        line["device"] = arithmetic.Device;
        line["precision"] = arithmetic.Precision;
        return line.ToJsonString(Json.Lines.Options);

        // JSON has no NaN: null stands for a number that is undefined.
        static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
    }

    /// <summary>A row for each method, three columns for each quantity; below them a row for each number that methods are compared with.</summary>
    internal static (string[] Columns, string[][] Rows) Table(IReadOnlyList<Score> scores, Func<string, string> title)
    {
        string[] quantities = [.. scores.Where(score => score.Method is not null).Select(score => score.Quantity).Distinct()];
        string[] columns = ["method", "photos", .. quantities.SelectMany(quantity => (string[])[quantity, "standard error", "95 % interval"])];
        IEnumerable<string[]> methods =
            from score in scores
            where score.Method is not null
            group score by score.Method into own
            select (string[])[title(own.Key), Count(own.First()), .. own.SelectMany(Cells)];
        IEnumerable<string[]> others =
            from score in scores
            where score.Method is null
            select (string[])[score.Quantity, Count(score), .. Cells(score), .. Enumerable.Repeat("", columns.Length - 5)];
        return (columns, [.. methods, .. others]);

        static string Count(Score score) => score.Undefined == 0 ? $"{score.Photos}" : $"{score.Photos} ({score.Undefined} undefined)";

        static IEnumerable<string> Cells(Score score) => double.IsNaN(score.Value)
            ? ["undefined", "", ""]
            : [Figure(score.Value), Figure(score.StandardError), $"{Figure(score.Low)} to {Figure(score.High)}"];
    }

    private string Title(string method)
    {
        MethodKind named = AttributionMethods.Find(method);
        return named.IsReportedOn(loaded.Network.Name) ? named.Title : $"{named.Title} (not reported in the paper)";
    }

    private static string Figure(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
