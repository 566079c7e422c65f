using System.Text;
using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Evaluation;
using Iba.Explaining;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;
using Iba.Reports;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>Runs a comparison with progress, prints its table and writes its figure. Stopped, it shows the maps that are finished.</summary>
internal sealed class ComparisonRun(LoadedNetwork loaded, PreparedPhoto[] photos, int? target, MethodInputs inputs, StatisticsSource statistics)
{
    private static readonly MethodKind PerSample = AttributionMethods.Find(AttributionMethods.PerSample);

    private readonly Comparison _comparison = new(loaded, photos, target);
    private readonly List<string> _columns = ["image", "map", "class", "p", "seconds"];
    private readonly List<string[]> _rows = [];
    private readonly Dictionary<Heatmap, (Explanation Result, int Neurons)> _found = [];
    private readonly List<string> _layers = [];
    private readonly SortedDictionary<string, string> _statistics = new(StringComparer.Ordinal);
    private bool _stopped;
    private int _failed;

    /// <summary>How the command ends. A map that is not finite leaves a gap and has a line that says why; the others are drawn.</summary>
    public ExitCode Outcome => _stopped || (_failed > 0 && _rows.Count > 0) ? ExitCode.Partial : _failed == 0 ? ExitCode.Done : ExitCode.Failed;

    /// <summary>A column per method.</summary>
    /// <param name="kinds">The methods; none for all, of which those that lack something are left out with a line that says what.</param>
    public ComparisonFigure OfMethods(MethodKind[] kinds)
    {
        bool all = kinds.Length == 0;
        IReadOnlyList<MethodKind> chosen = all ? AttributionMethods.All : kinds;
        bool restricts = chosen.Any(kind => kind.Needs == MethodNeeds.Statistics);
        MethodInputs from = inputs with { Statistics = restricts && statistics.Any ? statistics.At(null) : null };
        _columns.Add("in the paper");
        var columns = new List<ComparedColumn>();
        _comparison.Share([.. chosen.Select(kind => (kind, from))], Interrupt.Token);
        // Those that follow from others come after them.
        foreach ((int number, MethodKind kind) in chosen.OrderBy(kind => kind.Parts.Count > 0).Index())
        {
            try
            {
                columns.Add(Watched(kind.Name, $"method {number + 1} of {chosen.Count}",
                    relay => _comparison.Run(kind, from, columns, relay, Interrupt.Token)));
            }
            catch (ArgumentException lacking) when (all)
            {
                Terminal.Warn($"left out: {lacking.Message}");
            }
            catch (OperationCanceledException) when (columns.Count > 0)
            {
                _stopped = true;
                break;
            }
        }
        ComparedColumn[] inOrder = [.. chosen.SelectMany(kind => columns.Where(column => column.Method == kind).Take(1))];
        foreach (ComparedColumn column in inOrder)
            Add(column, column.Method.Name, column.Method.IsReportedOn(loaded.Network.Name) ? "reported" : "not reported");
        return _comparison.OfMethods(inOrder);
    }

    /// <summary>The per-sample bottleneck: a column per β, a row per photo and layer.</summary>
    /// <param name="betas">The weights β.</param>
    /// <param name="layers">The layers; null for the default.</param>
    public ComparisonFigure OfBetas(float[] betas, string?[] layers)
    {
        int maps = 0;
        return _comparison.OfBetas(betas, Rows(layers, betas.Length, at =>
        {
            _layers.Add(at.Origin.Layer);
            return [betas.Select(beta => Run(
                inputs with { Statistics = at, Bottleneck = inputs.Bottleneck with { Beta = beta } }, $"{at.Origin.Layer}, β = {beta}/k",
                $"map {++maps} of {layers.Length * betas.Length}"))];
        }));
    }

    /// <summary>The per-sample bottleneck while its mask is fitted: a column per number of updates, a row per photo, layer and σ.</summary>
    /// <param name="layers">The layers; null for the default.</param>
    public ComparisonFigure OfUpdates(string?[] layers)
    {
        int fits = 0;
        return _comparison.OfUpdates(Rows(layers, Comparison.EvolutionSigmas.Count, at => Comparison.EvolutionSigmas.Select(sigma => Evolution(
            inputs with { Statistics = at, Bottleneck = inputs.Bottleneck with { Sigma = sigma } },
            $"{at.Origin.Layer}, σ = {sigma}", $"fit {++fits} of {layers.Length * Comparison.EvolutionSigmas.Count}"))));
    }

    private IEnumerable<ComparedColumn> Evolution(MethodInputs from, string name, string place)
    {
        IReadOnlyList<ComparedColumn> columns = Watched(name, place, relay => _comparison.RunUpdates(from, relay, Interrupt.Token));
        foreach ((int updates, ComparedColumn column) in EvolutionStep.PaperUpdates.Zip(columns))
            Add(column, $"{name}, t = {updates}");
        return columns;
    }

    /// <summary>Maps of the per-sample bottleneck. Stopped, the last row is shorter and the rows after it are missing.</summary>
    /// <param name="layers">The layers; null for the default.</param>
    /// <param name="fits">How many fits a photo has at each layer.</param>
    /// <param name="ofLayer">The rows of a layer, each computed column by column.</param>
    private List<List<ComparedColumn>> Rows(string?[] layers, int fits, Func<FeatureStatistics, IEnumerable<IEnumerable<ComparedColumn>>> ofLayer)
    {
        IReadOnlyList<FeatureStatistics> found = statistics.AtAll(layers, inputs.Bottleneck);
        var rows = new List<List<ComparedColumn>>();
        _comparison.Share([.. found.SelectMany(at => Enumerable.Repeat((PerSample, inputs with { Statistics = at }), fits))], Interrupt.Token);
        try
        {
            foreach (IEnumerable<ComparedColumn> row in found.SelectMany(ofLayer))
            {
                var columns = new List<ComparedColumn>();
                foreach (ComparedColumn column in row)
                {
                    columns.Add(column);
                    if (columns.Count == 1)
                        rows.Add(columns);
                }
            }
        }
        catch (OperationCanceledException) when (rows.Count > 0)
        {
            _stopped = true;
        }
        return rows;
    }

    /// <summary>Writes both files, and the table to stdout.</summary>
    public void Write(ComparisonFigure figure, string name)
    {
        Terminal.Table(_columns, _rows);
        PngFile.Write($"{name}.png", figure.Draw(), Facts(figure), Interrupt.Token);
        AtomicFile.Write($"{name}.svg", Encoding.UTF8.GetBytes(figure.Svg()), Interrupt.Token);
        Terminal.Say($"{name}.png and {name}.svg");
    }

    /// <summary>Writes the page of a figure's maps.</summary>
    public void WriteReport(ComparisonFigure figure, string path, bool isStrip)
    {
        // The layers of a sweep become columns, so that the page steps through them as through its weights.
        bool across = _layers.Count > 1;
        string[] columns = !across ? [.. figure.Columns]
            : [.. from layer in _layers from column in figure.Columns select figure.Columns.Count == 1 ? layer : $"{layer}, {column}"];
        var report = new ReportFile(path, new MapReport(figure.Title, columns, [])
        {
            // A page has one scale, and a slider for rows that are faint on it.
            Notes = figure.ScalePerRow
                ? ["Bits per pixel, grey is 0; all maps have one scale. p is the probability of the class when no more than that passes. "
                    + "k is the number of the layer's neurons."]
                : figure.Footnotes,
            EndOfBits = figure.EndOfBits,
            IsStrip = isStrip,
            Facts = Facts(figure),
            Command = ReportFile.Command,
        });
        foreach (IGrouping<object, ComparisonRow> rows in figure.Rows.GroupBy(row => across ? row.Photo : (object)row))
        {
            ComparisonPanel?[] panels = [.. rows.SelectMany(row => row.Panels)];
            Explanation? first = panels.Where(panel => panel is not null).Select(panel => _found[panel!.Map].Result).FirstOrDefault();
            ComparisonRow row = rows.First();
            string source = Path.GetFileName(photos.FirstOrDefault(photo => photo.Input.Crop == row.Photo)?.Path ?? "");
            report.Add(new ReportRow(across || row.Title == "" ? source : $"{source}: {row.Title}",
                first is null ? "" : $"Explained: {loaded.Labels[first.Target]}, probability {first.Probability:0.000}.", row.Photo,
                [.. panels.Concat(new ComparisonPanel?[columns.Length - panels.Length])
                    .Select(panel => panel is null ? null : ResultPage.Map(_found[panel.Map].Result, panel.Note, _found[panel.Map].Neurons))]));
        }
        report.Finish();
    }

    /// <summary>Names are those that a PNG can have; a photo's own is part of a value.</summary>
    private Dictionary<string, string> Facts(ComparisonFigure figure) => new()
    {
        ["Title"] = figure.Title,
        ["version"] = ResultFacts.Version,
        ["model"] = loaded.Network.Name,
        ["weights_sha256"] = loaded.WeightsSha256,
        ["preprocessing"] = $"{loaded.Preprocessing}",
        ["seed"] = $"{inputs.Seed}",
        ["device"] = loaded.Arithmetic.Device,
        ["precision"] = loaded.Arithmetic.Precision,
        ["statistics_sha256"] = _statistics.Count == 0 ? "none" : string.Join("; ", _statistics.Select(of => $"{of.Key}: {of.Value}")),
        ["images_sha256"] = string.Join("; ", photos.Select(photo => $"{Path.GetFileName(photo.Path)}: {photo.Sha256}")),
    };

    /// <param name="from">What the bottleneck is created from.</param>
    /// <param name="name">What the table calls it.</param>
    /// <param name="place">Its number and how many there are, in words.</param>
    private ComparedColumn Run(MethodInputs from, string name, string place)
    {
        ComparedColumn column = Watched(name, place, relay => _comparison.Run(PerSample, from, null, relay, Interrupt.Token));
        Add(column, name);
        return column;
    }

    private T Watched<T>(string name, string place, Func<AttributionRelay, T> work)
    {
        if (!Terminal.DrawsBars)
            Terminal.Say($"{place}: {name}");
        return Terminal.Progress($"{place}: {name}", photos.Length, bar => work(new AttributionRelay(bar.Report)));
    }

    /// <summary>Adds a column's maps to the table, and says which failed.</summary>
    private void Add(ComparedColumn column, string name, params string[] more)
    {
        if (column.Method.Needs == MethodNeeds.Statistics && column.Inputs.Statistics is { } statistics)
            _statistics.TryAdd(statistics.Origin.Layer, statistics.Sha256);
        foreach ((PreparedPhoto photo, ComparedMap map) in photos.Zip(column.Maps))
        {
            if (map.Failure is { } failure)
            {
                _failed++;
                Terminal.Fail($"{photo.Path}: {name}: {failure.Reason}. {failure.Remedy}");
                continue;
            }
            Explanation result = map.Explanation!;
            _found[result.Heatmap] = (result, result is BottleneckExplanation ? column.Inputs.Statistics?.Origin.Shape.Row ?? 0 : 0);
            _rows.Add([Path.GetFileName(photo.Path), name, loaded.Labels[result.Target], $"{result.Probability:0.000}", $"{map.Seconds:0.000}", .. more]);
        }
    }
}
