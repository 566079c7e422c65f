using Iba;
using Iba.Backpropagation;
using Iba.Engine.Autograd;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Evaluation;
using Xunit;
using Colours = Iba.Backpropagation.Colours;

namespace Tests.Evaluation;

/// <summary>Numbers that the code of peers (Quantus, the authors' evaluation) computed on toys; tests/golden/README.md names them.</summary>
public sealed class PeerMetricsTests : IDisposable
{
    private readonly Toys _toys = new();

    private static GoldenFile Peers => Golden.Open("peer-metrics.safetensors");

    public void Dispose() => _toys.Dispose();

    [Theory]
    [InlineData("linear")]
    [InlineData("conv")]
    public void Degradation_has_the_peers_order_paths_and_score(string toy)
    {
        const int Side = 32, Tile = 8;
        float[] pixels = Peers.NHWC("toy.image"), map = Peers.Floats("degradation.map");
        Classifier classifier = toy == "conv" ? _toys.Convolution(Side, Peers) : _toys.Linear(
            Side, Toys.ChannelsLast(Peers.Floats("toy.linear.weight"), 3, Side * Side), Peers.Floats("toy.linear.bias"));
        int target = Peers.Ints($"degradation.{toy}.class")[0];
        using var measure = new DegradationMeasure(classifier, Tile);
        Assert.Equal(Enumerable.Range(0, 17), measure.Points);
        Close.InMaxNorm(Peers.Floats("degradation.fill"), Baseline.MeanColour.Of(pixels), 1e-6, "fill");
        ExplainedPhoto photo = Toys.Photo(pixels, Toys.Explanation(classifier, pixels, map, target));
        Assert.Equal(Peers.Ints("degradation.morf.order"), DegradationMeasure.Order(photo.Explanation.Heatmap, Tile, mostFirst: true));
        Assert.Equal(Peers.Ints("degradation.lerf.order"), DegradationMeasure.Order(photo.Explanation.Heatmap, Tile, mostFirst: false));

        Measurement record = Toys.Records(measure, photo).Single();
        double[] most = record["most_relevant_first"], least = record["least_relevant_first"];
        foreach (string exact in (string[])["", "64"])
        {
            Same(Peers.Doubles($"degradation.{toy}.morf.path{exact}"), most, 1e-5);
            Same(Peers.Doubles($"degradation.{toy}.lerf.path{exact}"), least, 1e-5);
        }
        double fall = most[0] - most[^1], score = Assert.Single(DegradationMeasure.Scores).Over("m", [record]).Value;
        // Paths within 1e-5 give areas within 1e-5, and scores within 3e-5 / fall: the area's difference, and twice that of an end times the score.
        double tolerance = 4e-5 / fall;
        Assert.Equal(Peers.Scalar($"degradation.{toy}.morf_area"), Trapezoids(most) / 16, 1e-5);
        Assert.Equal(Peers.Scalar($"degradation.{toy}.lerf_area"), Trapezoids(least) / 16, 1e-5);
        Assert.Equal(Peers.Scalar($"degradation.{toy}.score"), score, tolerance);
        // Not the score: the mean of all 17 points' differences.
        double plain = least.Zip(most, (l, m) => l - m).Average() / fall;
        Assert.Equal(Peers.Scalar($"degradation.{toy}.score_plain_mean"), plain, tolerance);
        Assert.True(score - plain > 2 * tolerance);
    }

    /// <summary>Pixel flipping (Bach et al. 2015) is the falling half of degradation with tiles of one pixel that become 0.</summary>
    [Fact]
    public void Pixel_flipping_is_degradation_of_single_pixels()
    {
        const int Side = 8, Step = 4;
        // The peer's image has one channel, and its logits are w tanh(x) = 2w sigmoid(2x) - w. The other two channels have no weight.
        float[] weight = Peers.Floats("flip.weight");
        int classes = weight.Length / (Side * Side);
        Classifier classifier = _toys.Network(Side, new DoubledSigmoid("sigmoid"), _toys.Dense(
            "fc", 3 * Side * Side, [.. weight.SelectMany(w => (float[])[2 * w, 0, 0])],
            [.. Enumerable.Range(0, classes).Select(k => -(float)weight.Skip(k * Side * Side).Take(Side * Side).Sum(w => (double)w))]));
        float[] pixels = [.. Peers.Floats("flip.image").SelectMany(x => (float[])[x, 0, 0])];
        using var measure = new DegradationMeasure(classifier, 1) { Baseline = Baseline.Zero };
        Measurement record = Toys.Records(
            measure, Toys.Photo(pixels, Toys.Explanation(classifier, pixels, Peers.Floats("flip.map"), target: 0))).Single();
        Assert.Equal(Enumerable.Range(0, Side * Side + 1).Select(k => (double)k), record["tiles_removed"]);
        double[] path = [.. record["most_relevant_first"].Where((_, removed) => removed > 0 && removed % Step == 0)];
        Same(Peers.Doubles("flip.path"), path, 1e-5);
        Assert.Equal(Peers.Scalar("flip.area"), Trapezoids(path), 16 * 1e-5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Maps_are_clipped_and_divided_as_the_authors_do(int i)
    {
        float[] values = Peers.Floats($"recipe.{i}.gradient");
        int height = Peers.Shape($"recipe.{i}.gradient")[0], width = Peers.Shape($"recipe.{i}.gradient")[1];
        foreach ((string map, Colours colours) in ((string, Colours)[])[("gradient", Colours.Mean), ("saliency", Colours.LargestMagnitude)])
        {
            string field = $"recipe.{i}.{map}";
            float[] published = Map(Scaling.ClippedSignedShares), plain = Map(Scaling.None);
            Close.InMaxNorm(Peers.Floats($"{field}.published"), published, 1e-5, $"{field}.published");
            Close.InMaxNorm(Peers.Floats($"{field}.share"), Map(Scaling.ClippedShares), 1e-5, $"{field}.share");
            // The largest magnitude within the percentiles is divided by the sum and not clipped.
            float[] sorted = [.. plain.Order()];
            int inside = plain.Index().Where(x => x.Item > sorted[2] && x.Item < sorted[^3]).MaxBy(x => Math.Abs(x.Item)).Index;
            double sum = Peers.Scalar($"{field}.signed_sum");
            Assert.Equal(sum, plain[inside] / published[inside], 1e-5 * Math.Abs(sum));

            float[] Map(Scaling scaling) => new MapRecipe(colours, scaling).Apply(values, height, width).Values;
        }
        // A negative sum turns the published gradient round.
        Assert.Equal(i == 1, Peers.Scalar($"recipe.{i}.gradient.signed_sum") < 0);
    }

    [Fact]
    public void Maps_are_held_against_masks_as_peers_do()
    {
        int side = Peers.Shape("local.map")[0];
        var map = new Heatmap(side, side, Peers.Floats("local.map"), HeatmapUnit.Relative);
        Heatmap signed = map with { Values = Peers.Floats("local.map_signed") };
        int[] n = Peers.Ints("local.n");
        double[] rank = Peers.Doubles("local.rank_accuracy"), mass = Peers.Doubles("local.mass_accuracy");
        double[] signedMass = Peers.Doubles("local.mass_accuracy_signed"), pointing = Peers.Doubles("local.pointing_game");
        byte[][] masks = [.. Peers.Bytes("local.masks").Chunk(side * side)];
        Assert.Equal(n.Length, masks.Length);
        for (int i = 0; i < n.Length; i++)
        {
            var mask = new ObjectMask([.. masks[i].Select(inside => (byte)(255 * inside))]);
            Assert.Equal(n[i], mask.Pixels);
            Assert.Equal(rank[i], mask.Score(map), 1e-9);
            // The peer sums in float32: its 400 summands are rounded to 6e-8 of the sum at most once each, half of them in either direction.
            Assert.Equal(mass[i], mask.MassInside(map), 1e-7);
            Assert.Equal(signedMass[i], mask.MassInside(signed), 1e-7 * Math.Max(1, Math.Abs(signedMass[i])));
            Assert.Equal(pointing[i], mask.Hits(map));
        }
    }

    private static double Trapezoids(double[] path) => path.Sum() - (path[0] + path[^1]) / 2;

    private static void Same(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    /// <summary>sigmoid(2x) = (tanh(x) + 1) / 2.</summary>
    private sealed record DoubledSigmoid(string Name) : Layer(Name)
    {
        public override Value Record(Value x, Recording recording, bool relu = false) => (x * 2f).Sigmoid();
    }
}
