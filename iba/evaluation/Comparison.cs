using System.Diagnostics;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Evaluation;

/// <summary>A map of a comparison.</summary>
/// <param name="Explanation">The map; null if it is not finite.</param>
/// <param name="Seconds">The time that it took.</param>
/// <param name="Failure">What is not finite; null if all is.</param>
public sealed record ComparedMap(Explanation? Explanation, double Seconds, NonFiniteException? Failure = null);

/// <summary>The maps of one method or setting.</summary>
/// <param name="Method">The method.</param>
/// <param name="Inputs">What it was created from.</param>
/// <param name="Maps">A map for each photo.</param>
public sealed record ComparedColumn(MethodKind Method, MethodInputs Inputs, IReadOnlyList<ComparedMap> Maps);

/// <summary>Explains the same photos by several methods or settings, and arranges the maps in a figure.</summary>
/// <param name="classifier">The network that is explained.</param>
/// <param name="photos">The photos, a row each.</param>
/// <param name="target">The class to explain, or null for the class that the network predicts.</param>
public sealed class Comparison(Classifier classifier, IReadOnlyList<PreparedPhoto> photos, int? target = null)
{
    /// <summary>
    /// The photos, and for as many as <see cref="MostShared"/> allows the pass of the network that several maps start from, once <see cref="Share"/> has run
    /// it. It is held to the comparison's end, because maps are made column by column: of ResNet-50, 22 MB a photo for its 16 layers.
    /// </summary>
    private readonly Sample[] _samples = [.. photos.Select(photo => classifier.Sample(photo, target))];
    private readonly double[] _shared = new double[photos.Count];

    private const string Remaining = "p is the probability of the class when no more than that passes.";

    /// <summary>
    /// Upper bound of the features that shared passes hold, in bytes; one photo's are held anyway. On photos beyond it each method runs its own pass.
    /// </summary>
    internal long MostShared { get; init; } = 1L << 30;

    /// <summary>The smoothing in the rows of the paper's figure 9, in feature cells.</summary>
    public static IReadOnlyList<double> EvolutionSigmas { get; } = [0, 2];

    /// <summary>
    /// Runs the network once on each photo, where several of the columns to come can start from such a pass: from its logits and the features of some layers.
    /// </summary>
    /// <param name="columns">The methods to come and what they are created from. Those that follow from others among them need no pass.</param>
    /// <param name="cancellation">Checked before each photo.</param>
    public void Share(IReadOnlyCollection<(MethodKind Method, MethodInputs Inputs)> columns, CancellationToken cancellation = default)
    {
        IReadOnlyList<string>[] reads =
        [
            .. columns.Where(column => column.Method.Parts.Count == 0 || !column.Method.Parts.All(part => columns.Any(other => other.Method.Name == part)))
                .Select(column => Reads(column.Method, column.Inputs)).OfType<IReadOnlyList<string>>(),
        ];
        if (reads.Length < 2)
            return;
        var clock = Stopwatch.StartNew();
        long left = MostShared;
        try
        {
            string[] layers = [.. reads.SelectMany(layers => layers).Distinct()];
            foreach ((int i, ForwardPass pass) in ForwardPass.Of(classifier.Network, classifier.Image, _samples, layers).Index())
            {
                cancellation.ThrowIfCancellationRequested();
                (_samples[i], _shared[i]) = (_samples[i] with { Known = pass }, clock.Elapsed.TotalSeconds);
                // The next photo's takes as much.
                if ((left -= pass.Bytes) < pass.Bytes)
                    return;
                clock.Restart();
            }
        }
        catch (NonFiniteLineException)
        {
            // Each method runs its own pass, and says which of its lines is not finite.
        }
    }

    /// <summary>What a method starts from of a shared pass; null where it runs its own, as for another network than the classifier.</summary>
    private IReadOnlyList<string>? Reads(MethodKind kind, MethodInputs inputs) =>
        ReferenceEquals(inputs.Network, classifier.Network) ? kind.Reads(inputs) : null;

    /// <summary>
    /// Creates a method and explains the photos one by one, so that the times of methods can be compared. Time for what several maps share is part of each
    /// one's.
    /// </summary>
    /// <param name="kind">The method.</param>
    /// <param name="inputs">What it is created from.</param>
    /// <param name="made">Columns that are there already; a method that follows from some of them is not run.</param>
    /// <param name="progress">Called with the number of photos done.</param>
    /// <param name="cancellation">Checked between steps.</param>
    /// <exception cref="ArgumentException">Something that the method needs is missing.</exception>
    public ComparedColumn Run(MethodKind kind, MethodInputs inputs, IReadOnlyCollection<ComparedColumn>? made = null,
        IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (Joined(kind, inputs, made ?? []) is { } joined)
            return new ComparedColumn(kind, inputs, joined);
        using IAttributionMethod method = kind.Create(inputs);
        return new ComparedColumn(kind, inputs, Maps(method, Reads(kind, inputs) is not null, progress, cancellation));
    }

    /// <summary>The maps that follow from those of other columns; null where one of these is missing.</summary>
    private ComparedMap[]? Joined(MethodKind kind, MethodInputs inputs, IReadOnlyCollection<ComparedColumn> made)
    {
        ComparedColumn[] parts = [.. kind.Parts.SelectMany(name => made.Where(column => column.Method.Name == name && column.Inputs == inputs).Take(1))];
        if (kind.Join is not { } join || parts.Length < kind.Parts.Count || parts.Any(part => part.Maps.Any(map => map.Explanation is null)))
            return null;
        return [.. photos.Select((_, photo) =>
        {
            var clock = Stopwatch.StartNew();
            Explanation whole = join([.. parts.Select(part => part.Maps[photo].Explanation!)]);
            double seconds = parts.Sum(part => part.Maps[photo].Seconds) + clock.Elapsed.TotalSeconds;
            NonFiniteException? fault = whole.Fault(photo);
            return new ComparedMap(fault is null ? whole : null, seconds, fault);
        })];
    }

    /// <summary>Fits the per-sample bottleneck to the photos one by one, and keeps its maps on the way.</summary>
    /// <param name="inputs">What it is created from. The number of updates is the figure's.</param>
    /// <param name="progress">Called with the number of photos done.</param>
    /// <param name="cancellation">Checked between steps.</param>
    /// <returns>The maps after each of <see cref="EvolutionStep.PaperUpdates"/>, with the time of the whole fit.</returns>
    public IReadOnlyList<ComparedColumn> RunUpdates(
        MethodInputs inputs, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<int> updates = EvolutionStep.PaperUpdates;
        MethodKind kind = AttributionMethods.Find(AttributionMethods.PerSample);
        MethodInputs whole = inputs with { Bottleneck = inputs.Bottleneck with { Steps = updates[^1], FinalMap = FinalMap.AfterLastUpdate } };
        using IAttributionMethod method = kind.Create(whole);
        ((PerSampleBottleneck)method).KeepsAfter = updates;
        IReadOnlyList<ComparedMap> maps = Maps(method, Reads(kind, whole) is not null, progress, cancellation);
        return [.. updates.Select(after => new ComparedColumn(kind, whole, [.. maps.Select((map, photo) => After(map, photo, after))]))];
    }

    /// <summary>The map after some updates of a fit: also of one that diverged later, or that a check stopped then.</summary>
    private static ComparedMap After(ComparedMap map, int photo, int updates)
    {
        if ((map.Explanation ?? map.Failure?.Result) is not BottleneckExplanation whole || whole.Evolution.All(step => step.Updates != updates))
            return map;
        BottleneckExplanation then = whole.After(updates);
        NonFiniteException? fault = then.Fault(photo);
        return map with { Explanation = fault is null ? then : null, Failure = fault is null ? null : map.Failure ?? fault };
    }

    /// <param name="method">The method.</param>
    /// <param name="starts">Whether it starts from the shared pass, where there is one.</param>
    /// <param name="progress">Called with the number of photos done.</param>
    /// <param name="cancellation">Checked between steps.</param>
    private List<ComparedMap> Maps(IAttributionMethod method, bool starts, IProgress<AttributionProgress>? progress, CancellationToken cancellation)
    {
        var maps = new List<ComparedMap>();
        foreach ((int done, Sample sample) in _samples.Index())
        {
            var relay = new ProgressRelay<AttributionProgress>(
                at => progress?.Report(at with { ImagesDone = done + at.ImagesDone, Images = done + at.Images }));
            var clock = Stopwatch.StartNew();
            Outcome outcome = method.Explain([starts ? sample : sample with { Known = null }], relay, cancellation).Single();
            maps.Add(new ComparedMap(outcome.Explanation, clock.Elapsed.TotalSeconds + (starts ? _shared[done] : 0), outcome.Failure));
            progress?.Report(new AttributionProgress(maps.Count, photos.Count, 0, 1));
        }
        return maps;
    }

    /// <summary>The figure of methods side by side (paper, figure 5): a column per method. The time is below each map.</summary>
    public ComparisonFigure OfMethods(IReadOnlyList<ComparedColumn> columns)
    {
        string network = classifier.Network.Name, device = classifier.Arithmetic.Device;
        string[] titles = [.. columns.Select(column => column.Method.IsReportedOn(network) ? column.Method.Title : $"{column.Method.Title} *")];
        return new ComparisonFigure(titles, [.. photos.Select((_, photo) => Row(photo, Explained(columns, photo), columns, map => Seconds(map.Seconds)))])
        {
            Title = $"Attribution methods on {network}",
            Footnotes =
            [
                "Grey is 0, orange to red positive, blue negative; maps of magnitudes have no sign. Bits per pixel have one scale; every "
                    + "other map its own, up to the 99.5th percentile of its magnitudes. "
                    + $"Below each map: the time it took on {(device == "cpu" ? "the CPU" : device)}. What several maps share counts for each.",
                .. columns.Select(column => column.Method.Note?.Invoke(column.Inputs)).OfType<string>(),
                .. columns.All(column => column.Method.IsReportedOn(network)) ? (string[])[] : [$"* not reported for {network} in the paper"],
            ],
        };
    }

    /// <summary>
    /// The figure of one bottleneck by β and layer (paper, figures 4 and 10): a column per β, a row per layer and photo. Below each map is the
    /// probability of the class when only the map's information passes.
    /// </summary>
    /// <param name="betas">The weights β, a column each.</param>
    /// <param name="layers">The maps of each layer, in the order of the weights. Missing ones at the end leave gaps.</param>
    public ComparisonFigure OfBetas(IReadOnlyList<float> betas, IReadOnlyList<IReadOnlyList<ComparedColumn>> layers) =>
        OfBottlenecks([.. betas.Select(beta => $"β = {beta}/k")], layers, columns => columns[0].Inputs.Statistics!.Origin.Layer) with
        {
            Title = $"The per-sample bottleneck on {classifier.Network.Name} by β and layer",
            ScalePerRow = true,
            Footnotes =
            [
                $"Bits per pixel, grey is 0; each row has its own scale. {Remaining} "
                    + "k is the number of the layer's neurons: β/k times their information in all is β times their mean.",
            ],
        };

    /// <summary>
    /// The figure of the mask while it is fitted (paper, figure 9): a column per number of updates, a row per photo, layer and σ. Below each map stands the
    /// probability of the class when only the map's information passes.
    /// </summary>
    /// <param name="rows">The maps of each layer and σ, in the order of <see cref="EvolutionStep.PaperUpdates"/>. Missing ones at the end leave gaps.</param>
    public ComparisonFigure OfUpdates(IReadOnlyList<IReadOnlyList<ComparedColumn>> rows) => OfBottlenecks(
        [.. EvolutionStep.PaperUpdates.Select(updates => $"t = {updates}")], rows,
        columns => $"{columns[0].Inputs.Statistics!.Origin.Layer}, {Smoothed(columns[0].Inputs)}") with
    {
        Title = $"The per-sample bottleneck on {classifier.Network.Name} after t updates of its mask",
        EndOfBits = LastMost(rows),
        Footnotes =
        [
            "Bits per pixel, grey is 0. All maps have one scale, which ends at the largest value of the last ones: almost everything passes at t = 0. "
                + Remaining,
        ],
    };

    /// <summary>The largest value of the rows' last maps; null if it is not positive.</summary>
    private static double? LastMost(IReadOnlyList<IReadOnlyList<ComparedColumn>> rows) =>
        rows.SelectMany(columns => columns[^1].Maps).Max(map => (double?)map.Explanation?.Heatmap.Max) is > 0 and var most ? most : null;

    private static string Smoothed(MethodInputs inputs) => inputs.Bottleneck.Sigma > 0 ? $"σ = {inputs.Bottleneck.Sigma}" : "not smoothed";

    private ComparisonFigure OfBottlenecks(
        string[] titles, IReadOnlyList<IReadOnlyList<ComparedColumn>> rows, Func<IReadOnlyList<ComparedColumn>, string> name) => new(titles,
    [
        .. from columns in rows
           from photo in Enumerable.Range(0, photos.Count)
           let title = photos.Count == 1 ? name(columns) : $"{name(columns)}, {Path.GetFileNameWithoutExtension(photos[photo].Path)}"
           let row = Row(photo, title, columns, map => $"p = {((BottleneckExplanation)map.Explanation!).ProbabilityRestricted:0.00}")
           select row with { Panels = [.. row.Panels, .. new ComparisonPanel?[titles.Length - columns.Count]] },
    ]);

    private ComparisonRow Row(int photo, string title, IReadOnlyList<ComparedColumn> columns, Func<ComparedMap, string> note) => new(
        title, photos[photo].Input.Crop,
        [
            .. from column in columns
               let map = column.Maps[photo]
               select map.Explanation is null ? null : new ComparisonPanel(map.Explanation.Heatmap, note(map)),
        ]);

    /// <summary>The class that the last map explains; empty if the photo has no map.</summary>
    private string Explained(IReadOnlyList<ComparedColumn> columns, int photo) =>
        columns.Select(column => column.Maps[photo].Explanation).LastOrDefault(map => map is not null) is { } last ? classifier.Labels[last.Target] : "";

    private static string Seconds(double seconds) => seconds < 1 ? $"{1000 * seconds:0} ms" : seconds < 10 ? $"{seconds:0.0} s" : $"{seconds:0} s";
}
