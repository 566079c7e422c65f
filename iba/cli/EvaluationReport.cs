using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Iba.Evaluation;
using Iba.Methods;

namespace Iba.Cli;

/// <summary>
/// Runs an evaluation: keeps its records as they come, prints them or the scores at the end. Stopped, it prints those of the photos done.
/// </summary>
internal sealed class EvaluationReport(OpenEvaluation open, Ledger? ledger, bool json, bool bestFirst = false)
{
    /// <summary>Quantities that fit side by side, with three columns each, on a wide terminal.</summary>
    private const int MostAcross = 4;

    /// <summary>The scores so far are said as often.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly List<EvaluationRecord> _records = [.. ledger?.Contents.Records ?? []];
    private readonly HashSet<string> _predicted = [];
    private DateTime _next = DateTime.UtcNow + Every;

    public ExitCode Print()
    {
        EvaluationRun run = open.Run([.. _records.Select(record => record.Key)]);
        int all = run.Files.Count, failed = 0, leftOut = 0;
        bool stopped = false;
        try
        {
            Terminal.Progress($"explaining, {open.Photos.Source}", all, bar =>
            {
                foreach (IReadOnlyList<EvaluationRecord> batch in run.Batches(new AttributionRelay(bar.Report), Interrupt.Token))
                {
                    ledger?.Append(batch);
                    _records.AddRange(batch);
                    failed += batch.OfType<FailedPhoto>().Count();
                    leftOut += batch.OfType<LeftOutPhoto>().DistinctBy(record => record.Image).Count();
                    foreach (EvaluationRecord record in batch)
                        Print(record);
                    SayScores();
                }
            }, "photos");
        }
        catch (OperationCanceledException)
        {
            stopped = true;
        }
        if (failed == all && all > 0)
        {
            string needs = open.Kinds.Any(kind => kind.Needs == MeasureNeeds.Annotations)
                ? "a picture that can be read and an annotation of its name" : "a picture that can be read";
            Terminal.Fail($"none of {all} photos could be evaluated, for the reasons above: each needs {needs}.");
            return ExitCode.Failed;
        }
        HashSet<string> settings = [.. run.Settings.Select(each => each.Id)];
        EvaluationRecord[] counted = [.. _records.Where(record => settings.Contains(record.Settings))];
        if (!counted.OfType<Measurement>().Any() && !stopped && open.Photos.Files.Count == all)
            throw new UsageException($"none of {all} photos counts, for the reasons above: there is nothing to evaluate.");
        if (!json)
            Tables(open.Kinds, counted, open.Loaded.Network.Name, bestFirst);
        if (leftOut > 0)
            Terminal.Say($"left out: {leftOut} of {all} photos, for the reasons above.");
        if (_predicted.Count > 0)
        {
            Terminal.Say($"without a label: {_predicted.Count} of {all} photos, where the network's own prediction was explained. "
                + "To label photos, put them into folders named after their classes.");
        }
        return stopped || failed > 0 ? ExitCode.Partial : ExitCode.Done;
    }

    /// <summary>The scores of each measure as a table on stdout.</summary>
    /// <param name="kinds">The measures.</param>
    /// <param name="records">The records.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="bestFirst">Whether the methods are sorted by their first score, the largest first.</param>
    public static void Tables(IReadOnlyList<MeasureKind> kinds, IReadOnlyList<EvaluationRecord> records, string network, bool bestFirst = false)
    {
        foreach (MeasureKind kind in kinds)
        {
            if (kind.Scores(records) is not { Count: > 0 } scores)
                continue;
            if (kinds.Count > 1)
                Terminal.Data(kind.Name);
            if (bestFirst)
            {
                string[] order = [.. scores.GroupBy(score => score.Method).OrderByDescending(of => of.First().Value).Select(of => of.Key ?? "")];
                scores = [.. scores.OrderBy(score => score.Method is null ? order.Length : Array.IndexOf(order, score.Method))];
            }
            (string[] columns, string[][] rows) = Table(scores, method => Title(method, network));
            Terminal.Table(columns, rows);
        }
    }

    /// <summary>
    /// A row for each method, three columns for each quantity; below them a row for each number that methods are compared with. Many quantities are rows.
    /// </summary>
    internal static (string[] Columns, string[][] Rows) Table(IReadOnlyList<Score> scores, Func<string, string> title)
    {
        string[] quantities = [.. scores.Where(score => score.Method is not null).Select(score => score.Quantity).Distinct()];
        if (quantities.Length > MostAcross)
        {
            return (["method", "score", "photos", "value", "standard error", "95 % interval"],
                [.. scores.Select(score => (string[])[score.Method is { } of ? title(of) : "", score.Quantity, Count(score), .. Cells(score)])]);
        }
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

    /// <summary>A line of <c>--json</c>: a quantity is a number, or a list where it has several.</summary>
    internal static string Line(Measurement measurement, Arithmetic arithmetic)
    {
        var line = new JsonObject
        {
            ["image"] = measurement.Image,
            ["method"] = measurement.Method,
            ["measure"] = measurement.Measure,
            ["target"] = measurement.Target,
            ["target_from"] = $"{measurement.TargetFrom}".ToLowerInvariant(),
        };
        foreach ((string name, double[] values) in measurement.Numbers)
            line[name] = values is [var only] ? Json.Number(only) : new JsonArray([.. values.Select(Json.Number)]);
        line["device"] = arithmetic.Device;
        line["precision"] = arithmetic.Precision;
        return line.ToJsonString(Json.Lines.Options);
    }

    /// <summary>A method's title, with a note where the paper does not report it.</summary>
    internal static string Title(string method, string network)
    {
        MethodVariant variant = MethodVariant.Parse(method);
        return variant.Kind.IsReportedOn(network) ? variant.Title : $"{variant.Title} (not reported in the paper)";
    }

    private static string Figure(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private void Print(EvaluationRecord record)
    {
        switch (record)
        {
            case FailedPhoto failed:
                FailureLine.Tell(failed.Image, failed.Reason, json);
                break;
            case LeftOutPhoto leftOut:
                Terminal.Say($"{leftOut.Image}: left out{(open.Kinds.Count > 1 ? $" of {leftOut.Measure}" : "")}: {leftOut.Reason}.");
                if (json)
                    Terminal.Data(JsonSerializer.Serialize(new LeftOutLine(leftOut.Image, leftOut.Measure, leftOut.Reason), Json.Lines.LeftOutLine));
                break;
            case Measurement measurement:
                if (measurement.TargetFrom == TargetSource.Prediction && _predicted.Add(measurement.Image))
                {
                    Terminal.Say($"{measurement.Image}: its class is not known: the network's own prediction is explained, "
                        + $"{open.Loaded.Labels.Describe(measurement.Target)}.");
                }
                if (json)
                    Terminal.Data(Line(measurement, open.Loaded.Arithmetic));
                break;
        }
    }

    /// <summary>The scores so far, from time to time: the first of each measure.</summary>
    private void SayScores()
    {
        if (DateTime.UtcNow < _next)
            return;
        foreach (MeasureKind kind in open.Kinds)
        {
            IGrouping<string, Measurement>[] methods =
                [.. _records.OfType<Measurement>().Where(record => record.Measure == kind.Name).GroupBy(record => record.Method)];
            if (methods.Length == 0)
                continue;
            ScoreKind first = kind.ScoreKinds(methods[0].First())[0];
            Terminal.Say($"{kind.Name}, {methods[0].Count()} photos: "
                + string.Join(", ", methods.Select(method => $"{method.Key} {Figure(first.ValueOver(method))}")));
        }
        _next = DateTime.UtcNow + Every;
    }
}
