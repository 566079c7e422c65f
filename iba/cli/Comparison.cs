using System.Diagnostics;
using System.Text;
using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Methods;
using Iba.Rendering;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>Runs what is to be compared, photo by photo and one after the other, so that times can be compared.</summary>
internal sealed class Comparison(
    LoadedNetwork loaded, Subject[] subjects, Sample[] photos, MethodInputs inputs, StatisticsSource statistics)
{
    private readonly List<string> _columns = ["image", "map", "class", "p", "seconds"];
    private readonly List<string[]> _rows = [];
    private readonly string[] _explained = [.. photos.Select(_ => "")];
    private int _maps, _failed;

    /// <summary>Whether it was stopped; the figure then shows what was finished.</summary>
    public bool Stopped { get; private set; }

    /// <summary>A column per method. Among all of them, those that lack what they are made of are left out with a word why.</summary>
    public ComparisonFigure OfMethods(string[] names)
    {
        bool all = names is ["all"];
        MethodKind[] kinds = all ? [.. AttributionMethods.All] : [.. names.Select(AttributionMethods.Find)];
        bool restricts = kinds.Any(kind => kind.Needs == MethodNeeds.Statistics);
        MethodInputs from = inputs with { Statistics = restricts && statistics.Any ? statistics.At(null) : null };
        _columns.Add("in the paper");
        var columns = new List<string>();
        var panels = new List<List<ComparisonPanel?>>();
        var notes = new List<string>();
        bool gap = false;
        foreach ((int number, MethodKind kind) in kinds.Index())
        {
            IAttributionMethod method;
            try
            {
                method = kind.Create(from);
            }
            catch (ArgumentException lacking) when (all)
            {
                Terminal.Warn($"left out: {lacking.Message}");
                continue;
            }
            bool reported = kind.IsReportedOn(loaded.Network.Name);
            try
            {
                using (method)
                    panels.Add(Run(kind.Name, $"method {number + 1} of {kinds.Length}", method, (_, seconds) => Seconds(seconds), reported ? "reported" : "not reported"));
            }
            catch (OperationCanceledException) when (panels.Count > 0)
            {
                Stopped = true;
                break;
            }
            gap |= !reported;
            if (kind.Note is { } note)
                notes.Add(note(from));
            columns.Add(reported ? kind.Title : $"{kind.Title} *");
        }
        return new ComparisonFigure(columns, Rows(columns.Count, (image, column) => panels[column][image], image => _explained[image]))
        {
            Title = $"Attribution methods on {loaded.Network.Name}",
            Footnotes =
            [
                "Grey is 0, orange to red positive, blue negative; maps of magnitudes have no sign. Bits per pixel have one scale; every "
                    + "other map its own, up to the 99.5th percentile of its magnitudes. "
                    + $"Below each map: the time it took on {(loaded.Device.Device == "cpu" ? "the CPU" : loaded.Device.Device)}.",
                .. notes,
                .. gap ? (string[])[$"* not reported for {loaded.Network.Name} in the paper"] : [],
            ],
        };
    }

    /// <summary>The per-sample bottleneck: a column per β, a row per photo and layer.</summary>
    public ComparisonFigure Sweep(float[] betas, string[]? layers)
    {
        var rows = new List<ComparisonRow>();
        FeatureStatistics[] found = layers is null ? [statistics.At(null, inputs.Bottleneck)] : [.. layers.Select(layer => statistics.At(layer, inputs.Bottleneck))];
        foreach (FeatureStatistics at in found)
        {
            var columns = new List<List<ComparisonPanel?>>();
            try
            {
                foreach (float beta in betas)
                {
                    MethodInputs from = inputs with { Statistics = at, Bottleneck = inputs.Bottleneck with { Beta = beta } };
                    using IAttributionMethod method = AttributionMethods.Find(AttributionMethods.PerSample).Create(from);
                    columns.Add(Run($"{at.Origin.Layer}, β = {beta}/k", $"map {rows.Count / photos.Length * betas.Length + columns.Count + 1} of {found.Length * betas.Length}", method,
                        (result, _) => $"p = {((BottleneckExplanation)result).ProbabilityRestricted:0.00}"));
                }
            }
            catch (OperationCanceledException) when (rows.Count + columns.Count > 0)
            {
                Stopped = true;
            }
            if (columns.Count == 0)
                break;
            rows.AddRange(Rows(betas.Length, (image, column) => column < columns.Count ? columns[column][image] : null, image =>
                photos.Length == 1 ? at.Origin.Layer : $"{at.Origin.Layer}, {Path.GetFileNameWithoutExtension(subjects[image].Path)}"));
            if (Stopped)
                break;
        }
        return new ComparisonFigure([.. betas.Select(beta => $"β = {beta}/k")], rows)
        {
            Title = $"The per-sample bottleneck on {loaded.Network.Name} by β and layer",
            ScalePerRow = true,
            Footnotes =
            [
                "Bits per pixel, grey is 0; each row has its own scale. p is the probability of the class when no more than that passes. "
                    + "k is the number of the layer's neurons: β/k times their information in all is β times their mean.",
            ],
        };
    }

    /// <summary>Writes both files, and the table to stdout.</summary>
    public void Write(ComparisonFigure figure, string name)
    {
        Terminal.Table(_columns, _rows);
        var facts = new Dictionary<string, string>
        {
            ["Title"] = figure.Title,
            ["model"] = loaded.Network.Name,
            ["weights_sha256"] = loaded.WeightsSha256,
            ["preprocessing"] = $"{loaded.Preprocessing}",
            ["seed"] = $"{inputs.Seed}",
            ["device"] = loaded.Device.Device,
            ["precision"] = loaded.Device.Precision,
        };
        PngFile.Write($"{name}.png", figure.Draw(), facts);
        AtomicFile.Write($"{name}.svg", Encoding.UTF8.GetBytes(figure.Svg()));
        Terminal.Say($"{name}.png and {name}.svg");
    }

    /// <summary>How the command ends. A map that is not finite leaves a gap, with a line why; the others are drawn.</summary>
    public ExitCode Outcome => Stopped || _failed > 0 && _failed < _maps ? ExitCode.Partial : _failed == 0 ? ExitCode.Done : ExitCode.Failed;

    /// <param name="name">What is run.</param>
    /// <param name="place">Which it is of how many, in words.</param>
    /// <param name="method">Runs it.</param>
    /// <param name="note">What stands below a map.</param>
    /// <param name="inPaper">Whether the paper reports it.</param>
    private List<ComparisonPanel?> Run(
        string name, string place, IAttributionMethod method, Func<Explanation, double, string> note, string? inPaper = null)
    {
        if (!Terminal.DrawsBars)
            Terminal.Say($"{place}: {name}");
        return Terminal.Progress($"{place}: {name}", photos.Length, bar =>
        {
            var panels = new List<ComparisonPanel?>();
            for (int image = 0; image < photos.Length; image++)
            {
                var relay = new AttributionRelay(done => bar.Report(image + done));
                _maps++;
                Explanation result;
                double seconds;
                try
                {
                    (result, seconds) = Timed(method, photos[image], relay);
                }
                catch (NonFiniteException failure)
                {
                    _failed++;
                    Terminal.Fail($"{subjects[image].Path}: {name}: {failure.Reason}. {failure.Remedy}");
                    panels.Add(null);
                    continue;
                }
                // The first run also compiles and allocates, which beside a short time is much: that time is a second run's.
                if (image == 0 && seconds < 1)
                    (result, seconds) = Timed(method, photos[image], relay);
                panels.Add(new ComparisonPanel(result.Heatmap, note(result, seconds)));
                _explained[image] = loaded.Labels[result.Target];
                _rows.Add(
                [
                    Path.GetFileName(subjects[image].Path), name, loaded.Labels[result.Target],
                    $"{result.Probability:0.000}", $"{seconds:0.000}", .. inPaper is null ? (string[])[] : [inPaper],
                ]);
                bar.Report(image + 1);
            }
            return panels;
        });
    }

    private static (Explanation Result, double Seconds) Timed(IAttributionMethod method, Sample photo, AttributionRelay relay)
    {
        var clock = Stopwatch.StartNew();
        Explanation result = method.Attribute([photo], relay, Interrupt.Token).Single();
        return (result, clock.Elapsed.TotalSeconds);
    }

    private ComparisonRow[] Rows(int columns, Func<int, int, ComparisonPanel?> panel, Func<int, string> title) =>
        [.. subjects.Select((subject, image) => new ComparisonRow(
            title(image), subject.Input.Crop, [.. Enumerable.Range(0, columns).Select(column => panel(image, column))]))];

    private static string Seconds(double seconds) =>
        seconds < 1 ? $"{1000 * seconds:0} ms" : seconds < 10 ? $"{seconds:0.0} s" : $"{seconds:0} s";
}
