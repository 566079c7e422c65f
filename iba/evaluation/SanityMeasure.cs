using System.Globalization;
using Iba.Engine.Networks;
using Iba.Methods;
using Iba.Relevance;

namespace Iba.Evaluation;

/// <summary>
/// The sanity check (Adebayo et al. 2018; paper, section 4.3 and appendix G.1): the network's weights are replaced by random ones, layer after layer from
/// the output to the input, and each photo is explained again, for the same class. A map that depends on what the network learnt becomes dissimilar
/// to that of the trained network; one that stays similar does not depend on it.
/// </summary>
/// <remarks>
/// <para>The record holds the similarity (<see cref="Ssim"/> of the normalised maps) at each point of the cascade, in the order of
/// <see cref="RandomisedNetwork.Points"/>: at the k-th, the k layers next to the output are random. The random weights are the same for all photos and
/// methods.</para>
/// <para>A similarity is NaN, undefined, where the map of the random network is not finite, and where the map of the trained network is the same
/// everywhere: such a map shows nothing that could change. A map of a random network that is the same everywhere counts: to leave it out would judge
/// Grad-CAM, whose maps are then often 0, by the other photos alone.</para>
/// <para>Of layer-wise relevance propagation, whose maps of random networks may have the opposite sign throughout, the map or its negative counts,
/// whichever is more similar (appendix G.1). Random maps get another seed at each point, because they depend on nothing else but the photo. Every
/// other method keeps its seed.</para>
/// <para>The bottlenecks keep the feature statistics of the trained network, and the readout its trained weights; the paper does not say which statistics
/// it took. From the point on at which the bottleneck's own layer is random, the statistics do not describe its features any more: the noise
/// has another scale than the features that it replaces. With a <see cref="Restimation"/>, per-sample takes those of the random network from there on.
/// PatternAttribution is left out, as in the paper.</para>
/// </remarks>
/// <param name="seed">The key of the random weights.</param>
/// <param name="range">The data range of <see cref="Ssim.Of"/>.</param>
/// <param name="restimation">Gives per-sample the statistics of the random networks; null to keep those of the trained one.</param>
public sealed class SanityMeasure(ulong seed = 0, double range = 1, Restimation? restimation = null) : IMeasure
{
    internal const string KindName = "sanity";

    internal const string About =
        "The similarity of a photo's map to that of the same network whose last layers have random weights, layer after layer to the input (paper "
        + "section 4.3, SSIM). A map that depends on what the network learnt falls toward 0.";

    internal const string Similarity = "ssim";

    /// <inheritdoc/>
    public string Name => KindName;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(
    [
        new("seed", seed.ToString(CultureInfo.InvariantCulture)),
        new("ssim-range", range.ToString(CultureInfo.InvariantCulture)),
        .. restimation is null ? (KeyValuePair<string, string>[])[] : [new("restimate", restimation.Id)],
    ]);

    /// <summary>The mean over the whole cascade, and the mean at each of its points.</summary>
    internal static IReadOnlyList<ScoreKind> Scores(Measurement any)
    {
        int points = any[Similarity].Length;
        return
        [
            ScoreKind.Mean("SSIM, mean over the cascade", record => record[Similarity].Average()),
            .. Enumerable.Range(0, points).Select(at => ScoreKind.Mean($"SSIM, {at + 1} of {points} layers random", record => record[Similarity][at])),
        ];
    }

    /// <inheritdoc/>
    public string? LeftOut(EvaluatedMethod method) => method.Kind.Needs == MethodNeeds.Patterns
        ? "its patterns are those of the trained weights, and the paper leaves it out of the sanity check"
        : null;

    /// <inheritdoc/>
    public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
    {
        if (photos.Count == 0)
            return [];
        double[][] originals = [.. photos.Select(photo => Ssim.Normalised(photo.Explanation.Heatmap))];
        IReadOnlyList<string> points = RandomisedNetwork.Points(method.Inputs.Network);
        var similarities = new double[points.Count][];
        // A recording and the random weights are the largest things in memory: the photos share both.
        using var random = new RandomisedNetwork(method.Inputs.Network, seed);
        for (int point = 0; point < points.Count; point++)
        {
            Network network = random.From(points[point]);
            similarities[point] = At(network, Restimated(method, network, points[point], cancellation), photos, originals, (ulong)point + 1, cancellation);
        }
        return [.. photos.Select((_, i) => (Quantity[])[new(Similarity, [.. similarities.Select(of => of[i])])])];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The method with the statistics of a random network, where these are wanted and differ from those of the trained one.</summary>
    private EvaluatedMethod Restimated(EvaluatedMethod method, Network random, string point, CancellationToken cancellation)
    {
        if (restimation is null || method.Kind.Needs != MethodNeeds.Statistics || method.Inputs.AtLayer is not { Origin.Layer: var layer })
            return method;
        bool differ = random.Until(layer).Layers.Any(each => each.Name == point);
        return !differ ? method : method with
        {
            Inputs = method.Inputs with { Statistics = restimation.Of(random, point, layer, cancellation), OtherStatistics = [] },
        };
    }

    /// <summary>The similarity of each photo's map to that of another network.</summary>
    /// <param name="network">The other network.</param>
    /// <param name="method">The method.</param>
    /// <param name="photos">The photos.</param>
    /// <param name="originals">Their normalised maps.</param>
    /// <param name="draw">What is added to the seed of random maps.</param>
    /// <param name="cancellation">Checked between steps.</param>
    internal double[] At(
        Network network, EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, double[][] originals, ulong draw, CancellationToken cancellation)
    {
        MethodInputs inputs = method.Inputs with
        {
            Network = network,
            Class = ExplainedClass.Target,
            // No file has these weights. Statistics and readouts of the trained ones are taken as they are, on purpose.
            WeightsSha256 = "",
            Seed = method.Kind.Name == AttributionMethods.Random ? method.Inputs.Seed + draw : method.Inputs.Seed,
        };
        using IAttributionMethod again = (method with { Inputs = inputs }).Create();
        Sample[] samples = [.. photos.Select(photo => photo.Photo.Sample with { Target = photo.Explanation.Target })];
        return
        [
            .. again.Explain(samples, null, cancellation).Select(outcome => outcome.Explanation is { } explanation
                ? Compare(originals[outcome.Sample], explanation.Heatmap, again is Lrp, range)
                : double.NaN),
        ];
    }

    /// <summary>
    /// The similarity of a normalised map to another map, or also to its negative, whichever is larger; NaN where the normalised map shows nothing.
    /// </summary>
    internal static double Compare(double[] original, Heatmap map, bool eitherSign, double range = 1)
    {
        if (original.Max() == 0)
            return double.NaN;
        double similarity = Of(map);
        return eitherSign ? Math.Max(similarity, Of(map with { Values = [.. map.Values.Select(value => -value)] })) : similarity;

        double Of(Heatmap other) => Ssim.Of(original, Ssim.Normalised(other), other.Width, range);
    }
}
