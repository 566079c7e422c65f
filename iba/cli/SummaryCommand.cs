using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Iba.Engine.Files;
using Iba.Evaluation;
using Iba.Rendering;
using Iba.Reports;

namespace Iba.Cli;

/// <summary>
/// <c>iba evaluate summary</c>: the scores of evaluations, finished or not, as tables, figures and the paper's claims; one folder for each network.
/// </summary>
internal static class SummaryCommand
{
    public static Command Create()
    {
        var folders = new Argument<string[]>("RUN")
        {
            Description = "Folders of evaluations, --out of iba evaluate run: one for each network.",
            Arity = ArgumentArity.OneOrMore,
        };
        var json = new Option<bool>("--json") { Description = "A line of JSON for each method, measure and quantity, in place of tables." };
        var output = new Option<string?>("--out")
        {
            Description = "A folder to write the paper's tables 1 and 4 to as Markdown, CSV and JSON, its figures 6, 7, 11 and 12 as PNG and SVG, and its "
                + "claims.",
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var report = new Option<string?>("--report")
        {
            Description = "A page with tables, figures, claims, and the photos on which methods differ most, with their maps, which are computed again.",
            HelpName = "FILE",
            Validators = { Validators.FileToWrite() },
        };
        var noMaps = new Option<bool>("--no-maps") { Description = "Compute no maps for the page: it opens no network." };
        var paper = new Option<bool>("--paper")
        {
            Description = "The networks are torchvision's and the photos ImageNet's validation set: show the paper's numbers beside these.",
        };
        var command = new Command("summary", "Print the scores of evaluations, finished or not, with the bootstrap's standard errors and 95 % intervals.")
        {
            folders, json, output, report, noMaps, paper,
        };
        command.SetAction(parsed =>
        {
            var networks = new List<EvaluatedNetwork>();
            foreach (string folder in parsed.GetValue(folders)!)
            {
                EvaluatedNetwork network = Read(folder) with { ComparesWithPaper = parsed.GetValue(paper) };
                if (networks.Exists(other => other.Name == network.Name))
                {
                    throw new UsageException($"{folder}: another folder holds an evaluation of {network.Name}, too. Name one folder for each network; "
                        + "iba evaluate merge joins the parts of one evaluation.");
                }
                networks.Add(network);
                if (parsed.GetValue(json))
                    Lines(network);
                else
                {
                    MeasureKind[] kinds = [.. Measures.All.Where(kind => network.Records.OfType<Measurement>().Any(record => record.Measure == kind.Name))];
                    EvaluationReport.Tables(kinds, network.Records, network.Name);
                }
            }
            IReadOnlyList<Claim> claims = [.. Claims.Of([.. networks]).Where(claim => claim.State != ClaimState.NotMeasured)];
            if (!parsed.GetValue(json))
            {
                foreach (Claim claim in claims)
                    Terminal.Data($"{claim}");
            }
            if (parsed.GetValue(output) is null && parsed.GetValue(report) is null)
                return (int)ExitCode.Done;
            Drawn[] drawn = [.. networks.Select(network => new Drawn(network))];
            if (parsed.GetValue(output) is { } to)
                Write(drawn, claims, to);
            if (parsed.GetValue(report) is not { } page)
                return (int)ExitCode.Done;
            // An evaluation's own command runs in its own folder.
            string full = Path.GetFullPath(page);
            var maps = new DisputedMaps();
            string[] read = parsed.GetValue(noMaps) ? [] : [.. parsed.GetValue(folders)!.Select(Path.GetFullPath)];
            foreach ((string folder, EvaluatedNetwork network) in read.Zip(networks))
                maps.Add(folder, network);
            AtomicFile.Write(full, Page(drawn, claims, maps).ToBytes());
            ReportFile.Tell(page);
            return (int)(maps.WasStopped ? ExitCode.Partial : ExitCode.Done);
        });
        return command;
    }

    internal static string Line(string network, string measure, Score score) => new JsonObject
    {
        ["network"] = network,
        ["method"] = score.Method,
        ["measure"] = measure,
        ["quantity"] = score.Quantity,
        ["mean"] = Json.Number(score.Value),
        ["low"] = Json.Number(score.Low),
        ["high"] = Json.Number(score.High),
        ["standard_error"] = Json.Number(score.StandardError),
        ["count"] = score.Photos,
        ["undefined"] = score.Undefined,
    }.ToJsonString(Json.Lines.Options);

    private static EvaluatedNetwork Read(string folder)
    {
        LedgerContents contents = Ledger.Open(folder);
        foreach (string note in contents.Notes)
            Terminal.Say($"{note}.");
        if (!contents.Records.OfType<Measurement>().Any())
            throw new LedgerException(folder, "it holds no measurement yet", "Wait for the first batch of: iba evaluate run");
        if (contents.Arithmetics is { Count: > 1 } several)
            Terminal.Warn($"{folder}: the records are of different arithmetics, which differ in the last digits: {string.Join("; ", several)}.");
        Terminal.Say($"{folder}: {contents.Records.DistinctBy(record => record.Name).Count()} of {contents.Photos} photos.");
        return EvaluatedNetwork.Of(contents);
    }

    private static void Lines(EvaluatedNetwork network)
    {
        foreach (MeasureKind kind in Measures.All)
        {
            foreach (Score score in kind.Scores(network.Records))
                Terminal.Data(Line(network.Name, kind.Name, score));
        }
    }

    private static EvaluationPage Page(IReadOnlyList<Drawn> drawn, IReadOnlyList<Claim> claims, DisputedMaps maps)
    {
        IEnumerable<EvaluatedNetwork> networks = drawn.Select(each => each.Network);
        return new EvaluationPage($"Evaluation of {string.Join(", ", networks.Select(network => network.Name))}")
        {
            Tables = [.. drawn.SelectMany(each => each.Tables).Select(each => each.Table)],
            Figures = [.. drawn.SelectMany(each => each.Figures).Select(each => each.Figure)],
            Claims = [.. claims.Select(claim => $"{claim}")],
            Disagreements = [.. networks.SelectMany(EvaluationPage.MostDisputed)],
            Maps = maps.Report,
            Missing = maps.Missing,
            Facts = new Dictionary<string, string>(
                from network in networks
                from settings in network.Settings.Values.Take(1)
                from value in settings.Values
                where !value.Key.StartsWith("method ", StringComparison.Ordinal)
                select new KeyValuePair<string, string>($"{network.Name}: {value.Key}", value.Value)),
            Command = ReportFile.Command,
        };
    }

    /// <summary>Writes every table and figure that the records allow.</summary>
    private static void Write(IReadOnlyList<Drawn> drawn, IReadOnlyList<Claim> claims, string folder)
    {
        foreach (Drawn each in drawn)
        {
            foreach ((string name, EvaluationTable table) in each.Tables)
            {
                string path = Path.Combine(folder, $"{name}-{each.Network.Name}");
                Text($"{path}.md", table.Markdown());
                Text($"{path}.csv", table.Csv());
                Text($"{path}.json", table.Json());
                Terminal.Say($"{path}.md, .csv and .json");
            }
            foreach ((string name, CurveFigure figure) in each.Figures)
            {
                string path = Path.Combine(folder, $"{name}-{each.Network.Name}");
                PngFile.Write($"{path}.png", figure.Draw(), new Dictionary<string, string> { ["Title"] = figure.Title }, Interrupt.Token);
                Text($"{path}.svg", figure.Svg());
                Terminal.Say($"{path}.png and {path}.svg");
            }
        }
        Text(Path.Combine(folder, "claims.txt"), string.Concat(claims.Select(claim => $"{claim}\n")));

        static void Text(string path, string text) => AtomicFile.Write(path, Encoding.UTF8.GetBytes(text), Interrupt.Token);
    }

    /// <summary>The tables and figures of an evaluation: every interval in them is a bootstrap, so both outputs share them.</summary>
    private sealed class Drawn(EvaluatedNetwork network)
    {
        public EvaluatedNetwork Network => network;

        public IReadOnlyList<(string Name, EvaluationTable Table)> Tables { get; } =
        [
            .. from each in ((string Name, EvaluationTable? Table)[])
                   [("table-1", EvaluationTable.OfMethods(network)), ("table-4", EvaluationTable.OfBetas(network))]
               where each.Table is not null
               select (each.Name, each.Table),
        ];

        public IReadOnlyList<NamedFigure> Figures { get; } = new EvaluationFigures(network).All();
    }
}
