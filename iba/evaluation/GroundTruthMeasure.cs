using Iba.Bottleneck;

namespace Iba.Evaluation;

/// <summary>
/// Maps against exact masks of the objects, such as those of the shapes data set; and for bottlenecks, whether what their maps give no bits is indeed not
/// necessary: the features of these cells are replaced by noise (λ = 0, elsewhere λ = 1), and for comparison those of as many random cells.
/// </summary>
/// <param name="copies">Noise samples per image.</param>
public sealed class GroundTruthMeasure(int copies = 10) : IMeasure
{
    internal const string KindName = "ground-truth";

    internal const string About =
        "Maps against exact masks of the objects: the share of a map's n highest pixels in the mask, n the mask's; the share of its sum; whether its highest "
        + "pixel is inside. For bottlenecks: how often the predicted class stays if noise replaces the cells with at most 1 % of the map's maximum, and if it "
        + "replaces as many random cells.";

    private const string Pixels = "mask_pixels", Area = "mask_share", Found = "score", Mass = "mass", Hits = "hits";
    private const string Empty = "empty_cells", Kept = "kept_class", KeptRandom = "kept_class_random";

    /// <summary>A cell with at most this fraction of the largest cell's bits counts as one without bits.</summary>
    private const double Least = 0.01;

    /// <inheritdoc/>
    public string Name => KindName;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string> { ["noise copies"] = $"{copies}" };

    /// <summary>
    /// Of a bottleneck's map, twice: the layers before the bottleneck see the photo once, those after it each noise sample. Other maps need none.
    /// </summary>
    public long ForwardPasses => 2 * (copies + 1);

    /// <summary>Means over the photos; the last ones of a method are defined for bottlenecks only.</summary>
    internal static IReadOnlyList<ScoreKind> Scores { get; } =
    [
        ScoreKind.Mean("in the mask", record => record[Found][0]),
        ScoreKind.Mean("mass in the mask", record => record[Mass][0]),
        ScoreKind.Mean("highest pixel in the mask", record => record[Hits][0]),
        ScoreKind.Mean("cells without bits", record => record[Empty][0]),
        ScoreKind.Mean("class kept without them", record => record[Kept][0]),
        ScoreKind.Mean("class kept without as many random cells", record => record[KeptRandom][0]),
        ScoreKind.Mean("the masks' share of the photos", record => record[Area][0]) with { OfPhotos = true },
    ];

    /// <inheritdoc/>
    public string? LeftOut(LabelledPhoto photo) => photo.Mask is not { } mask ? "it has no mask"
        : mask.Pixels == 0 ? "its mask marks nothing that the network sees: no pixel is lighter than half grey"
        : null;

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        using IBottleneck? bottleneck = method.Bottleneck();
        using RestrictedNetwork? network = bottleneck?.Restricted(copies);
        foreach (ExplainedPhoto each in photos)
        {
            cancellation.ThrowIfCancellationRequested();
            ObjectMask mask = each.Photo.Mask!;
            Heatmap map = each.Explanation.Heatmap;
            (double empty, double kept, double keptRandom) = network is null
                ? (double.NaN, double.NaN, double.NaN)
                : WithoutEmptyCells(network, each);
            yield return
            [
                new(Pixels, mask.Pixels), new(Area, (double)mask.Pixels / map.Values.Length), new(Found, mask.Score(map)), new(Mass, mask.MassInside(map)),
                new(Hits, mask.Hits(map)), new(Empty, empty), new(Kept, kept), new(KeptRandom, keptRandom),
            ];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The cells whose pixels have at most <see cref="Least"/> of the bits of the cell with the most, on average.</summary>
    /// <param name="map">The map.</param>
    /// <param name="height">Rows of cells, at most as many as the map has.</param>
    /// <param name="width">Columns of cells, at most as many as the map has.</param>
    internal static bool[] EmptyCells(Heatmap map, int height, int width)
    {
        var sums = new double[height * width];
        var pixels = new int[sums.Length];
        for (int i = 0; i < map.Values.Length; i++)
        {
            int cell = i / map.Width * height / map.Height * width + i % map.Width * width / map.Width;
            sums[cell] += map.Values[i];
            pixels[cell]++;
        }
        double[] means = [.. sums.Zip(pixels, (sum, count) => sum / count)];
        double most = means.Max();
        return [.. means.Select(mean => mean <= Least * most)];
    }

    /// <summary>
    /// The share of cells without bits, and how often the predicted class stays without them and without as many random ones, which depend on the photo only.
    /// </summary>
    private static (double Empty, double Kept, double KeptRandom) WithoutEmptyCells(RestrictedNetwork network, ExplainedPhoto photo)
    {
        (int height, int width, int channels) = (network.Features.H, network.Features.W, network.Features.C);
        bool[] empty = EmptyCells(photo.Explanation.Heatmap, height, width);
        int count = empty.Count(cell => cell);
        SplitMix random = new SplitMix(0).Fork(photo.Photo.Sample.NoiseWord);
        HashSet<int> drawn = [.. Enumerable.Range(0, empty.Length).OrderBy(cell => random.Bits((ulong)cell)).Take(count)];
        int predicted = Iba.Classes.Largest(photo.Explanation.Logits);
        return ((double)count / empty.Length, Without(cell => empty[cell]), Without(drawn.Contains));

        double Without(Func<int, bool> removed)
        {
            float[] mask = [.. Enumerable.Range(0, empty.Length).SelectMany(cell => Enumerable.Repeat(removed(cell) ? 0f : 1f, channels))];
            return network.Run(photo.Photo.Sample, mask).Logits.Average(logits => Iba.Classes.Largest(logits) == predicted ? 1.0 : 0.0);
        }
    }
}
