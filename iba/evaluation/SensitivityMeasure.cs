using System.Globalization;
using System.Runtime.CompilerServices;

namespace Iba.Evaluation;

/// <summary>
/// Sensitivity-n (Ancona et al. 2018; paper, section 4.4, equation 8): n elements of the image, tiles or pixels, are masked. Over many sets of n, the drop
/// of the class's logit is correlated with the map's sum over the set. A masked pixel is 0 in the network's input: the mean colour of the preprocessing.
/// </summary>
public sealed class SensitivityMeasure : IMeasure
{
    internal const string About8 = About + " Tiles of 8 x 8 pixels.", About1 = About + " Single pixels.";

    private const string About = "The correlation of the logit's drop, when n elements of the photo are masked with 0, with the map's sum over them, for 16 "
        + "numbers n and 100 sets of each (paper section 4.4). Random maps score 0, the largest score is 1.";

    internal const string Pixels = "pixels", Correlations = "correlations";

    private const string Size = "n", Drops = "logit_drops", Sums = "map_sums";

    /// <summary>Sets of each size.</summary>
    private const int SetsOfSize = 100;

    /// <summary>Sizes, from 1 to <see cref="LargestShare"/> of all elements.</summary>
    private const int Sizes = 16;

    private const double LargestShare = 0.8;

    private static readonly float[] Mask = new float[3];

    private readonly Tiles _tiles;
    private readonly ForwardBatches _network;

    /// <summary>Logits of the masked images by class: they are the same for every method that explains the class.</summary>
    private readonly ConditionalWeakTable<LabelledPhoto, Dictionary<int, double[]>> _masked = [];

    /// <param name="classifier">The network that was explained.</param>
    /// <param name="tile">The side of a tile, pixels; 1 for single pixels.</param>
    /// <exception cref="ArgumentException">The image is not a whole number of tiles.</exception>
    public SensitivityMeasure(Classifier classifier, int tile)
    {
        _tiles = new Tiles(classifier.Image.H, classifier.Image.W, tile);
        _network = new ForwardBatches(classifier);
    }

    /// <inheritdoc/>
    public string Name => KindName(_tiles.Side);

    /// <summary>The key of the sets. They are the same for all photos.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Whether the elements of a set are drawn with replacement, as the paper's code draws pixels. An element drawn again counts once, so such a set has
    /// fewer than n.
    /// </summary>
    public bool WithReplacement { get; init; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["seed"] = string.Create(CultureInfo.InvariantCulture, $"{Seed}"),
        ["sets"] = WithReplacement ? "with replacement" : "without replacement",
    };

    /// <inheritdoc/>
    public long ForwardPasses => SizesOf(_tiles.Count).Length * SetsOfSize;

    /// <summary>For each size, its sets.</summary>
    internal IReadOnlyList<ElementSets> Sets
    {
        get => field ??= [.. SizesOf(_tiles.Count).Select(n => new ElementSets(n, [.. Enumerable.Range(0, SetsOfSize).Select(set => Draw(n, set))]))];
        init;
    }

    /// <summary>
    /// The mean over the photos of the mean over all n, and of each n. A photo with an undefined correlation at one n is left out of the mean over all n.
    /// </summary>
    internal static IReadOnlyList<ScoreKind> Scores(Measurement one) =>
    [
        ScoreKind.Mean("mean correlation", record => record[Correlations].Average()),
        .. one[Pixels].Select((pixels, i) => ScoreKind.Mean(pixels == 1 ? "n = 1 pixel" : $"n = {pixels} pixels", record => record[Correlations][i])),
    ];

    /// <summary>Numbers of masked elements, spaced evenly on a logarithmic scale. Those that round to the same number are one.</summary>
    internal static int[] SizesOf(int elements) =>
    [
        .. Enumerable.Range(0, Sizes).Select(i => (int)Math.Round(Math.Exp(Math.Log(LargestShare * elements) * i / (Sizes - 1)))).Distinct(),
    ];

    /// <summary>Pearson's correlation; NaN where one of the two is constant.</summary>
    internal static double Correlation(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        // A mean is rounded: the deviations of equal numbers from it need not be 0.
        if (!x.ContainsAnyExcept(x[0]) || !y.ContainsAnyExcept(y[0]))
            return double.NaN;
        double meanX = 0, meanY = 0;
        for (int i = 0; i < x.Length; i++)
            (meanX, meanY) = (meanX + x[i] / x.Length, meanY + y[i] / y.Length);
        double xx = 0, xy = 0, yy = 0;
        for (int i = 0; i < x.Length; i++)
        {
            (double dx, double dy) = (x[i] - meanX, y[i] - meanY);
            (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
        }
        return Math.Clamp(xy / (Math.Sqrt(xx) * Math.Sqrt(yy)), -1, 1);
    }

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        ExplainedPhoto[] first = [.. photos.Where(photo => !Logits(photo).ContainsKey(photo.Explanation.Target))];
        IEnumerable<double[]> masked = _network.Numbers(first.SelectMany(Masked), (logits, target) => logits[target], cancellation)
            .Chunk(Sets.Sum(of => of.Members.Count));
        foreach ((ExplainedPhoto photo, double[] logits) in first.Zip(masked))
            Logits(photo)[photo.Explanation.Target] = logits;
        return photos.Select(Numbers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _masked.Clear();
        _network.Dispose();
    }

    internal static string KindName(int tile) => $"sensitivity-{tile}";

    private Dictionary<int, double[]> Logits(ExplainedPhoto photo) => _masked.GetValue(photo.Photo, _ => []);

    /// <summary>A photo with each set masked; each image is overwritten by the next.</summary>
    private IEnumerable<(float[] Pixels, int Target)> Masked(ExplainedPhoto photo)
    {
        float[] whole = photo.Photo.Sample.Pixels, pixels = [.. whole];
        foreach (int[] set in Sets.SelectMany(of => of.Members))
        {
            foreach (int element in set)
                _tiles.Fill(pixels, element, Mask);
            yield return (pixels, photo.Explanation.Target);
            foreach (int element in set)
                _tiles.Copy(pixels, element, whole);
        }
    }

    /// <summary>Drops and sums go by size, then by set.</summary>
    private Quantity[] Numbers(ExplainedPhoto photo)
    {
        int target = photo.Explanation.Target;
        double[] evidence = _tiles.Sums(photo.Explanation.Heatmap);
        double whole = photo.Explanation.Logits[target];
        double[] drops = [.. Logits(photo)[target].Select(masked => whole - masked)], sums = [.. Sets.SelectMany(of => of.Members).Select(Sum)];
        var correlations = new double[Sets.Count];
        for (int size = 0, at = 0; size < correlations.Length; at += Sets[size++].Members.Count)
        {
            int sets = Sets[size].Members.Count;
            correlations[size] = Correlation(drops.AsSpan(at, sets), sums.AsSpan(at, sets));
        }
        return
        [
            new(Size, [.. Sets.Select(of => (double)of.N)]), new(Pixels, [.. Sets.Select(of => (double)of.N * _tiles.Side * _tiles.Side)]),
            new(Drops, drops), new(Sums, sums), new(Correlations, correlations),
        ];

        double Sum(int[] set)
        {
            double sum = 0;
            foreach (int element in set)
                sum += evidence[element];
            return sum;
        }
    }

    /// <summary>The elements of a set in rising order: a function of the seed, n and the set's number.</summary>
    private int[] Draw(int n, int set)
    {
        SplitMix random = new SplitMix(Seed).Fork((ulong)n).Fork((ulong)set);
        if (WithReplacement)
            return [.. Enumerable.Range(0, n).Select(draw => Below(_tiles.Count, draw)).Distinct().Order()];
        // Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S): an element is taken with the probability that makes
        // every set as likely as any other.
        var members = new int[n];
        for (int element = 0, taken = 0; taken < n; element++)
        {
            if (Below(_tiles.Count - element, element) < n - taken)
                members[taken++] = element;
        }
        return members;

        int Below(int bound, int counter) => (int)Math.BigMul(random.Bits((ulong)counter), (ulong)bound, out _);
    }
}

/// <summary>Sets of n elements of an image.</summary>
/// <param name="N">n; sets drawn with replacement have fewer elements.</param>
/// <param name="Members">The elements of each set.</param>
internal sealed record ElementSets(int N, IReadOnlyList<int[]> Members);
