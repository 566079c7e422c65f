using System.CommandLine;
using System.Text;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Evaluation;
using Iba.Explaining;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;
using Iba.Reports;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>
/// <c>iba compare</c>: attributions side by side, by method (the paper's figure 5), by β and layer (its figures 4 and 10), or by the updates of the mask
/// (its figure 9).
/// </summary>
internal static class CompareCommand
{
    /// <summary>The paper's conv1_3.</summary>
    private const string PaperEvolutionLayer = "layer1.2";

    public static Command Create()
    {
        var images = Validators.Photos(NamedPhotos.Words + " A row each.", ArgumentArity.OneOrMore);
        var methods = new Option<string>("--methods")
        {
            Description = $"all, or some of: {string.Join(", ", AttributionMethods.All.Select(kind => kind.Name))}.",
            DefaultValueFactory = _ => "all",
            HelpName = "NAME,...",
        };
        var betas = new Option<float[]?>("--betas")
        {
            Description = "Compare the bottleneck's trade-off instead: weights β such as 0.1,1,10,100 of the mean information per neuron, a column each.",
            HelpName = "NUMBER,...",
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = Number.Between(0f, BottleneckSettings.MostBeta).List,
        };
        var layers = new Option<string?>("--layers")
        {
            Description = "Compare the bottleneck's position instead: layers such as layer1,layer2, a row each.",
            HelpName = "NAME,...",
        };
        var evolution = new Option<bool>("--evolution")
        {
            Description = $"Compare the bottleneck's mask while it is fitted instead: after {string.Join(", ", EvolutionStep.PaperUpdates)} updates, without "
                + $"smoothing and with σ = {Comparison.EvolutionSigmas[^1]}. Default layer: {PaperEvolutionLayer}, where the network has it and --images is "
                + "given.",
        };
        var output = new Option<string>("--out")
        {
            Description = "Where to write NAME.png and NAME.svg.",
            DefaultValueFactory = _ => "comparison",
            HelpName = "NAME",
            Validators = { Validators.FileToWrite(".png", ".svg") },
        };
        var report = new Option<string?>("--report")
        {
            Description = "Also write a page that shows the maps with their values, one scale and controls; or an index and pages, where one would be "
                + "too large.",
            HelpName = "FILE",
            Validators = { Validators.FileToWrite() },
        };
        var mapOnly = new Option<bool>("--map-only") { Description = "Draw the maps alone, not over the photo, which has a column of its own." };
        var methodOptions = new MethodOptions();
        var networkOptions = new NetworkOptions();
        var command = new Command("compare", "Draw the maps of several methods side by side, as PNG and SVG.")
        {
            images, methods, betas, layers, evolution, mapOnly, output, report,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            float[] weights = parsed.GetValue(betas) is { Length: > 0 } given ? given : [methodOptions.Bottleneck(parsed).Beta];
            bool evolves = parsed.GetValue(evolution), sweep = evolves || parsed.GetResult(betas) is not null || parsed.GetValue(layers) is not null;
            if (sweep && parsed.GetResult(methods) is { Implicit: false })
                throw new UsageException("--methods excludes --betas, --layers and --evolution: those compare the per-sample bottleneck with itself.");
            if (evolves && parsed.GetResult(betas) is not null)
                throw new UsageException("--evolution and --betas exclude each other: give one of them. The weight of --evolution is --beta.");
            string[] names = Words(parsed.GetValue(methods)!);
            methodOptions.Bottleneck(parsed).Check();
            MethodKind[] kinds = sweep ? [AttributionMethods.Find(AttributionMethods.PerSample)]
                : names is ["all"] ? []
                : [.. names.Select(AttributionMethods.Find)];
            methodOptions.Check(parsed, kinds, networkOptions.KnownLabels(parsed), networkOptions.DemoNetwork(parsed) is not null);
            PhotoSet named = NamedPhotos.All(parsed.GetValue(images)!);
            PhotoSet? learntFrom = methodOptions.Photos(parsed);

            using LoadedNetwork loaded = networkOptions.Load(parsed);
            int? target = methodOptions.Target(parsed, loaded);
            using ReadoutSource? masks = methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks);
            PreparedPhoto[] photos = [.. named.Files.Select(file => loaded.Read(file.Path))];
            var run = new ComparisonRun(loaded, photos, target, inputs, methodOptions.Statistics(parsed, loaded, learntFrom));
            string? usual = evolves && learntFrom is not null && loaded.Network.Has(PaperEvolutionLayer) ? PaperEvolutionLayer : null;
            string?[] at = parsed.GetValue(layers) is { } list ? (string?[])Words(list) : [usual];
            ComparisonFigure figure = evolves ? run.OfUpdates(at) : sweep ? run.OfBetas(weights, at) : run.OfMethods(kinds);
            run.Write(figure with { MapOnly = parsed.GetValue(mapOnly) }, parsed.GetValue(output)!);
            if (parsed.GetValue(report) is { } page)
                run.WriteReport(figure, page, isStrip: sweep);
            return (int)run.Outcome;
        });
        return command;
    }

    private static string[] Words(string list)
    {
        string[] words = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length > 0 ? words : throw new UsageException("a list is empty: give names or numbers, separated by commas.");
    }
}

/// <summary>Runs a comparison with progress, prints its table and writes its figure. Stopped, it shows the maps that are finished.</summary>
internal sealed class ComparisonRun(LoadedNetwork loaded, PreparedPhoto[] photos, int? target, MethodInputs inputs, StatisticsSource statistics)
{
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
        foreach ((int number, MethodKind kind) in chosen.Index())
        {
            try
            {
                string[] reported = [kind.IsReportedOn(loaded.Network.Name) ? "reported" : "not reported"];
                columns.Add(Run(kind, from, kind.Name, $"method {number + 1} of {chosen.Count}", reported));
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
        return _comparison.OfMethods(columns);
    }

    /// <summary>The per-sample bottleneck: a column per β, a row per photo and layer.</summary>
    /// <param name="betas">The weights β.</param>
    /// <param name="layers">The layers; null for the default.</param>
    public ComparisonFigure OfBetas(float[] betas, string?[] layers)
    {
        int maps = 0;
        return _comparison.OfBetas(betas, Rows(layers, at =>
        {
            _layers.Add(at.Origin.Layer);
            return [betas.Select(beta => Run(
                AttributionMethods.Find(AttributionMethods.PerSample), inputs with { Statistics = at, Bottleneck = inputs.Bottleneck with { Beta = beta } },
                $"{at.Origin.Layer}, β = {beta}/k", $"map {++maps} of {layers.Length * betas.Length}"))];
        }));
    }

    /// <summary>The per-sample bottleneck while its mask is fitted: a column per number of updates, a row per photo, layer and σ.</summary>
    /// <param name="layers">The layers; null for the default.</param>
    public ComparisonFigure OfUpdates(string?[] layers)
    {
        int fits = 0;
        return _comparison.OfUpdates(Rows(layers, at => Comparison.EvolutionSigmas.Select(sigma => Evolution(
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
    /// <param name="ofLayer">The rows of a layer, each computed column by column.</param>
    private List<List<ComparedColumn>> Rows(string?[] layers, Func<FeatureStatistics, IEnumerable<IEnumerable<ComparedColumn>>> ofLayer)
    {
        FeatureStatistics[] found = [.. layers.Select(layer => statistics.At(layer, inputs.Bottleneck))];
        var rows = new List<List<ComparedColumn>>();
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

    /// <param name="kind">The method.</param>
    /// <param name="from">What it is created from.</param>
    /// <param name="name">What the table calls it.</param>
    /// <param name="place">Its number and how many there are, in words.</param>
    /// <param name="more">Further cells of the table.</param>
    private ComparedColumn Run(MethodKind kind, MethodInputs from, string name, string place, params string[] more)
    {
        ComparedColumn column = Watched(name, place, relay => _comparison.Run(kind, from, relay, Interrupt.Token));
        Add(column, name, more);
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
