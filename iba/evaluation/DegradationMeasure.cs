using Iba.Backpropagation;

namespace Iba.Evaluation;

/// <summary>
/// Degradation (paper, section 4.6, equation 9): tiles of the image are replaced by its mean colour, once by falling and once by rising evidence. The
/// score is the area between the two curves of the class's probability: a good map loses the class early in the one and late in the other.
/// </summary>
public sealed class DegradationMeasure : IMeasure
{
    internal const string About8 = About + " Tiles of 8 x 8 pixels.", About14 = About + " Tiles of 14 x 14 pixels.";

    private const string About = "The area between two curves of the class's probability while tiles are replaced by the photo's mean colour: those with the "
        + "least evidence first, and those with the most first (paper section 4.6). Random maps score 0.";

    private const string Removed = "tiles_removed", MostFirst = "most_relevant_first", LeastFirst = "least_relevant_first";

    /// <summary>The paper's code records that many points at most.</summary>
    private const int PublishedPoints = 100;

    private readonly Tiles _tiles;
    private readonly ForwardBatches _network;

    /// <param name="classifier">The network that was explained.</param>
    /// <param name="tile">The side of a tile, pixels.</param>
    /// <exception cref="ArgumentException">The image is not a whole number of tiles.</exception>
    public DegradationMeasure(Classifier classifier, int tile)
    {
        _tiles = new Tiles(classifier.Image.H, classifier.Image.W, tile);
        Points = PointsOf(_tiles.Count);
        _network = new ForwardBatches(classifier);
    }

    /// <inheritdoc/>
    public string Name => KindName(_tiles.Side);

    /// <summary>What replaces a removed tile.</summary>
    public Baseline Baseline { get; init; } = Baseline.MeanColour;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["baseline"] = $"{Baseline}" };

    /// <inheritdoc/>
    public long ForwardPasses => 2 * Points.Count - 3;

    /// <summary>
    /// The numbers of removed tiles at which the probability is recorded, rising from 0 to all: the paper's published points, and all tiles, which
    /// equation 9 needs.
    /// </summary>
    public IReadOnlyList<int> Points { get; }

    /// <summary>
    /// With the trapezoid rule, the integral over the share of removed tiles of (LeRF - MoRF) / (t1 - b), where each is a mean over the photos; t1 is
    /// the probability of the whole photos and b of the fully degraded ones.
    /// </summary>
    internal static IReadOnlyList<ScoreKind> Scores { get; } =
    [
        new("degradation", record => [Area(record), record[MostFirst][0] - record[MostFirst][^1]])
        {
            Of = Normalised,
        },
    ];

    /// <summary>The scores at each point of a curve, such as (p - b) / (t1 - b): 1 for the whole photos, 0 for the fully degraded ones.</summary>
    /// <param name="order">The curve.</param>
    /// <param name="one">A record.</param>
    /// <returns>The shares of removed tiles and their scores.</returns>
    internal static (double[] Share, ScoreKind[] Scores) Curve(DegradationOrder order, Measurement one)
    {
        double[] removed = one[Removed];
        return ([.. removed.Select(tiles => tiles / removed[^1])], [.. removed.Select((_, i) => At(i))]);

        ScoreKind At(int i) => new("normalised probability", record =>
        {
            double[] most = record[MostFirst], least = record[LeastFirst];
            double value = order switch
            {
                DegradationOrder.MostFirst => most[i] - most[^1],
                DegradationOrder.LeastFirst => least[i] - least[^1],
                _ => least[i] - most[i],
            };
            return [value, most[0] - most[^1]];
        })
        {
            Of = Normalised,
        };
    }

    /// <summary>0, 1, and then about <see cref="PublishedPoints"/> in all, as the paper's code spreads them; and all tiles.</summary>
    internal static int[] PointsOf(int tiles) =>
    [
        .. Enumerable.Range(0, PublishedPoints).Select(i => (int)Math.Round(i / (PublishedPoints - 1.0) * tiles)).Where(s => s < tiles).Select(s => s + 1)
            .Append(0).Append(tiles).Distinct().Order(),
    ];

    /// <summary>The tiles, row by row from 0, by falling or by rising sum of the map. Equal sums stay in the order of the tiles, both ways.</summary>
    internal static int[] Order(Heatmap map, int tile, bool mostFirst)
    {
        double[] sums = new Tiles(map.Height, map.Width, tile).Sums(map);
        IEnumerable<int> tiles = Enumerable.Range(0, sums.Length);
        return [.. mostFirst ? tiles.OrderByDescending(i => sums[i]) : tiles.OrderBy(i => sums[i])];
    }

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        IEnumerable<double> probabilities = _network.Numbers(
            photos.SelectMany(Paths), (logits, target) => Iba.Classes.Probabilities(logits)[target], cancellation);
        double[][] curves = [.. probabilities.Chunk(2 * Points.Count - 3)];
        foreach ((ExplainedPhoto photo, double[] inner) in photos.Zip(curves))
        {
            // Both curves begin with the whole photo and end with the fully degraded one.
            double whole = Iba.Classes.Probabilities(photo.Explanation.Logits)[photo.Explanation.Target], none = inner[^1];
            int between = Points.Count - 2;
            yield return
            [
                new(Removed, [.. Points.Select(point => (double)point)]), new(MostFirst, [whole, .. inner[..between], none]),
                new(LeastFirst, [whole, .. inner[between..^1], none]),
            ];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    internal static string KindName(int tile) => $"degradation-{tile}";

    /// <summary>
    /// The degraded images of one photo, each of which is overwritten by the next: between the ends the most relevant tiles first, then the least
    /// relevant first, at last the fully degraded image.
    /// </summary>
    private IEnumerable<(float[] Pixels, int Target)> Paths(ExplainedPhoto photo)
    {
        float[] whole = photo.Photo.Sample.Pixels, fill = Baseline.Of(whole);
        foreach (bool mostFirst in (bool[])[true, false])
        {
            int[] order = Order(photo.Explanation.Heatmap, _tiles.Side, mostFirst);
            float[] pixels = [.. whole];
            int removed = 0;
            foreach (int point in Points.Skip(1).Take(Points.Count - (mostFirst ? 2 : 1)))
            {
                for (; removed < point; removed++)
                    _tiles.Fill(pixels, order[removed], fill);
                yield return (pixels, photo.Explanation.Target);
            }
        }
    }

    private static double Normalised(double[] means) => means[1] == 0 ? double.NaN : means[0] / means[1];

    /// <summary>The area between the curves of one photo, over the share of removed tiles.</summary>
    private static double Area(Measurement record)
    {
        double[] x = record[Removed], most = record[MostFirst], least = record[LeastFirst];
        double area = 0;
        for (int i = 1; i < x.Length; i++)
            area += (x[i] - x[i - 1]) / x[^1] * (least[i] - most[i] + least[i - 1] - most[i - 1]) / 2;
        return area;
    }
}

/// <summary>A curve of the degraded photos' probability.</summary>
internal enum DegradationOrder
{
    /// <summary>The most relevant tiles are removed first.</summary>
    MostFirst,
    /// <summary>The least relevant ones are.</summary>
    LeastFirst,
    /// <summary>The second less the first.</summary>
    Difference,
}
