using Iba.Rendering;

namespace Iba.Evaluation;

/// <summary>A figure of an evaluation.</summary>
/// <param name="Name">For its file's name.</param>
/// <param name="Figure">The figure.</param>
public sealed record NamedFigure(string Name, CurveFigure Figure);

/// <summary>
/// The paper's figures of an evaluation: the degradation curves of all methods (figures 11 and 12), the area between those of the per-sample bottleneck (figure
/// 7), and sanity check and Sensitivity-n (figure 6). A figure whose measure has no record is left out.
/// </summary>
/// <remarks>
/// An interval is shaded for the bottlenecks, and for all methods where there are at most <see cref="MostShaded"/>: more hide each other. It is the bootstrap's
/// 95 % interval of the mean, and in the sanity check the quartiles of the photos.
/// </remarks>
public sealed class EvaluationFigures
{
    internal const int MostShaded = 4;

    /// <summary>The paper clips the axis of Sensitivity-n here (figure 6): only occlusion, whose scores are the drops in logits, exceeds it there.</summary>
    private const double SensitivityClip = 0.4;

    /// <summary>A curve's interval is computed at about as many points: a bootstrap for each.</summary>
    private const int MostIntervals = 25;

    private static readonly int[] Tiles = [8, 14];

    private readonly EvaluatedNetwork _network;
    private readonly ILookup<(string Measure, string Method), Measurement> _records;
    private readonly RecordedMethod[] _methods;

    /// <param name="network">The evaluation.</param>
    /// <exception cref="ArgumentException">A record names a method that does not exist.</exception>
    public EvaluationFigures(EvaluatedNetwork network)
    {
        _network = network;
        _records = network.Measurements.ToLookup(record => (record.Measure, record.Method));
        _methods = network.Methods(network.Measurements);
    }

    /// <summary>All figures that the records allow.</summary>
    public IReadOnlyList<NamedFigure> All()
    {
        var figures = new List<NamedFigure>();
        Add("degradation", Degradation());
        Add("per-sample-degradation", PerSample());
        Add("sanity-and-sensitivity", SanityAndSensitivity());
        return figures;

        void Add(string name, CurveFigure? figure)
        {
            if (figure is not null)
                figures.Add(new NamedFigure(name, figure));
        }
    }

    /// <summary>Figures 11 and 12: a row for each size of tiles, with the curves of both orders and their difference; null without records.</summary>
    public CurveFigure? Degradation()
    {
        var rows = new List<CurvePanel[]>();
        foreach (int tile in Tiles)
        {
            RecordedMethod[] methods = With(DegradationMeasure.KindName(tile));
            if (methods.Length == 0)
                continue;
            Curve[] Curves(DegradationOrder order) =>
                [.. methods.Select(method => Degraded(tile, method, order, Shaded(method, methods)))];
            CurveAxis probability = new("normalised probability");
            rows.Add(
            [
                new($"Most relevant first, {tile} x {tile} pixels", Removed, probability, Curves(DegradationOrder.MostFirst)) { Named = false },
                new($"Least relevant first, {tile} x {tile} pixels", Removed, probability, Curves(DegradationOrder.LeastFirst)) { Named = false },
                new("Difference: its area is the score", Removed, new("difference"), Curves(DegradationOrder.Difference)),
            ]);
        }
        return rows.Count == 0 ? null : new CurveFigure(rows)
        {
            Title = $"Degradation on {_network.Name}: tiles are replaced by the photo's mean colour (paper, figures 11 and 12)",
            Footnotes =
            [
                $"Means over {Photos(Tiles.Select(DegradationMeasure.KindName))} of (p − b) / (t1 − b): p is the class's probability, t1 its mean on "
                    + $"whole photos and b on fully degraded ones. {ShadedNote("95 % intervals of the bootstrap")}",
            ],
        };
    }

    /// <summary>Figure 7: the curves of the per-sample bottleneck; the area between them is its score. Null without records.</summary>
    public CurveFigure? PerSample()
    {
        var panels = new List<CurvePanel>();
        foreach (int tile in Tiles)
        {
            string measure = DegradationMeasure.KindName(tile);
            // The paper's β, where it is there.
            if (With(measure).Where(method => method.IsPerSample).MinBy(method => Math.Abs(method.Beta - RecordedMethod.DefaultBeta)) is not { } method)
                continue;
            double area = DegradationMeasure.Scores[0].ValueOver(_records[(measure, method.Name)]);
            Curve most = Degraded(tile, method, DegradationOrder.MostFirst, shaded: false) with { Name = "MoRF" };
            Curve least = Degraded(tile, method, DegradationOrder.LeastFirst, shaded: false) with { Name = "LeRF", Low = most.Y };
            panels.Add(new CurvePanel($"{tile} x {tile} pixels: area {EvaluationTable.Number(area)}", Removed, new("normalised probability"),
                [least with { High = least.Y }, most]));
        }
        return panels.Count == 0 ? null : new CurveFigure([panels])
        {
            Title = $"Degradation of the per-sample bottleneck on {_network.Name} (paper, figure 7)",
            Footnotes = ["MoRF removes the most relevant tiles first, LeRF the least relevant ones. The area between the curves is the score."],
        };
    }

    /// <summary>
    /// Figure 6: above, the similarity of maps by the number of random layers; below, the correlation by the number of masked pixels. Null without records.
    /// </summary>
    public CurveFigure? SanityAndSensitivity()
    {
        CurvePanel[] sanity = Sanity() is { } above ? [above] : [];
        CurvePanel[] sensitivity = [.. ((int[])[8, 1]).Select(Sensitivity).OfType<CurvePanel>()];
        CurvePanel[][] rows = [.. ((CurvePanel[][])[sanity, sensitivity]).Where(row => row.Length > 0)];
        string title = sanity.Length == 0 ? "Sensitivity-n" : sensitivity.Length == 0 ? "Sanity check" : "Sanity check and Sensitivity-n";
        string[] measures = [SensitivityMeasure.KindName(8), SensitivityMeasure.KindName(1)];
        string[] notes =
        [
            $"Sanity check: means over {Photos([SanityMeasure.KindName])}. {ShadedNote("quartiles of the photos")}",
            $"Sensitivity-n: means over {Photos(measures)}. {ShadedNote("95 % intervals of the bootstrap")}",
        ];
        return rows.Length == 0 ? null : new CurveFigure(rows)
        {
            Title = $"{title} on {_network.Name} (paper, figure 6)",
            Footnotes = [.. notes.Where((_, i) => (i == 0 ? sanity : sensitivity).Length > 0)],
        };
    }

    private static CurveAxis Removed => new("share of tiles removed") { Low = 0, High = 1 };

    /// <summary>The methods that a measure has records of.</summary>
    private RecordedMethod[] With(string measure) => [.. _methods.Where(method => _records.Contains((measure, method.Name)))];

    private static bool Shaded(RecordedMethod method, RecordedMethod[] methods) => method.IsBottleneck || methods.Length <= MostShaded;

    private string ShadedNote(string what) => _methods.Length <= MostShaded ? $"Shaded: {what}." : $"Shaded for the bottlenecks: {what}.";

    private string Photos(IEnumerable<string> measures)
    {
        int[] counts = [.. measures.Where(measure => With(measure).Length > 0)
            .Select(measure => With(measure).Max(method => _records[(measure, method.Name)].Count())).Distinct()];
        return string.Join(" and ", counts.Select(EvaluationTable.Photos));
    }

    private Curve Degraded(int tile, RecordedMethod method, DegradationOrder order, bool shaded)
    {
        Measurement[] records = [.. _records[(DegradationMeasure.KindName(tile), method.Name)]];
        (double[] share, ScoreKind[] points) = DegradationMeasure.Curve(order, records[0]);
        return Mean(method, records, share, points, shaded);
    }

    /// <summary>The similarity of maps when more and more layers have random weights.</summary>
    private CurvePanel? Sanity()
    {
        RecordedMethod[] methods = With(SanityMeasure.KindName);
        if (methods.Length == 0)
            return null;
        int points = methods.Max(method => _records[(SanityMeasure.KindName, method.Name)].Max(record => record[SanityMeasure.Similarity].Length));
        double[] x = [.. Enumerable.Range(0, points + 1).Select(point => (double)point)];
        var curves = new List<Curve>();
        foreach (RecordedMethod method in methods)
        {
            Measurement[] records = [.. _records[(SanityMeasure.KindName, method.Name)]];
            // The map of the trained network is equal to itself: 1.
            double[][] values =
            [
                .. Enumerable.Range(0, points).Select(point =>
                    records.Select(record => record[SanityMeasure.Similarity][point]).Where(double.IsFinite).Order().ToArray()),
            ];
            double[] At(Func<double[], double> of) => [1, .. values.Select(sorted => sorted.Length == 0 ? double.NaN : of(sorted))];
            bool shaded = Shaded(method, methods);
            curves.Add(new Curve(method.Title, x, At(sorted => sorted.Average()))
            {
                Emphasised = method.IsBottleneck,
                Low = shaded ? At(sorted => Quantile.Of(sorted, 0.25)) : null,
                High = shaded ? At(sorted => Quantile.Of(sorted, 0.75)) : null,
            });
        }
        bool named = _network.Layers.Count == points;
        string[] names = ["none", .. named ? _network.Layers : [.. Enumerable.Range(1, points).Select(point => $"{point}")]];
        string axis = named ? "last layer with random weights, from the output to the input" : "layers with random weights, from the output on";
        return new CurvePanel("Similarity to the map of the trained network", new(axis) { Ticks = [.. names.Select((name, i) => new Tick(i, name))] },
            new("SSIM"), curves);
    }

    /// <summary>The correlation by the number of masked pixels.</summary>
    private CurvePanel? Sensitivity(int tile)
    {
        string measure = SensitivityMeasure.KindName(tile);
        RecordedMethod[] methods = With(measure);
        if (methods.Length == 0)
            return null;
        var curves = new List<Curve>();
        foreach (RecordedMethod method in methods)
        {
            Measurement[] records = [.. _records[(measure, method.Name)]];
            double[] pixels = records[0][SensitivityMeasure.Pixels];
            ScoreKind[] points = [.. pixels.Select((_, i) => ScoreKind.Mean("correlation", record => record[SensitivityMeasure.Correlations][i]))];
            curves.Add(Mean(method, records, pixels, points, Shaded(method, methods)));
        }
        bool Exceeds(Func<RecordedMethod, bool> counts) =>
            methods.Zip(curves).Any(pair => counts(pair.First) && pair.Second.Y.Any(value => value > SensitivityClip));
        bool clips = Exceeds(method => method.IsOcclusion) && !Exceeds(method => !method.IsOcclusion);
        return new CurvePanel(tile == 1 ? "Single pixels" : $"Tiles of {tile} x {tile} pixels", new("masked pixels") { Logarithmic = true },
            new(clips ? $"correlation, clipped at {SensitivityClip}" : "correlation") { High = clips ? SensitivityClip : null }, curves);
    }

    /// <summary>A curve of scores.</summary>
    /// <param name="method">Its method.</param>
    /// <param name="records">The method's records.</param>
    /// <param name="x">The positions.</param>
    /// <param name="points">The score at each of them.</param>
    /// <param name="shaded">Whether it has an interval. Of a curve of many points it is computed at some; between them its width changes linearly.</param>
    private static Curve Mean(RecordedMethod method, Measurement[] records, double[] x, ScoreKind[] points, bool shaded)
    {
        double[] y = [.. points.Select(point => point.ValueOver(records))];
        Curve curve = new(method.Title, x, y) { Emphasised = method.IsBottleneck };
        if (!shaded)
            return curve;
        double[] low = [.. y], high = [.. y];
        int step = Math.Max(1, x.Length / MostIntervals), before = 0;
        for (int i = 0; i < x.Length; i = i == x.Length - 1 ? x.Length : Math.Min(i + step, x.Length - 1))
        {
            Score score = points[i].Over(method.Name, records);
            (low[i], high[i]) = (score.Low, score.High);
            for (int between = before + 1; between < i; between++)
            {
                double share = (x[between] - x[before]) / (x[i] - x[before]);
                low[between] += double.Lerp(low[before] - y[before], low[i] - y[i], share);
                high[between] += double.Lerp(high[before] - y[before], high[i] - y[i], share);
            }
            before = i;
        }
        return curve with { Low = low, High = high };
    }
}
