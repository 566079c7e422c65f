using Iba;
using Iba.Engine.Networks;
using Iba.Evaluation;
using Iba.Images;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Evaluation;

/// <summary>Degradation (paper, section 4.6) against PyTorch's numbers and against cases computed by hand.</summary>
public sealed class DegradationMeasureTests
{
    public static TheoryData<string, int> Cases => new()
    {
        { "resnet50-narrow", 8 }, { "resnet50-narrow", 16 }, { "vgg16-narrow", 8 }, { "vgg16-narrow", 16 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Order_curves_and_score_are_those_of_the_reference(string name, int tile)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        GoldenFile file = Golden.Open($"{name}.degradation.safetensors");
        float[] pixels = file.NHWC("input");
        int side = file.Shape("heatmap")[0];
        var map = new Heatmap(side, side, file.Floats("heatmap"), HeatmapUnit.Relative);
        foreach (bool most in (bool[])[true, false])
            Assert.Equal(file.Longs($"order{tile}.{(most ? "morf" : "lerf")}"), DegradationMeasure.Order(map, tile, most).Select(i => (long)i));

        var classifier = new Classifier(narrow.Network) { Preprocessing = new Preprocessing { Resize = side, Crop = side } };
        using var inference = new Inference(narrow.Network, classifier.Image);
        float[] logits = inference.Run(pixels);
        float[] probabilities = file.Floats("probabilities");
        Close.InMaxNorm(probabilities, [.. Classes.Probabilities(logits).Select(p => (float)p)], 1e-5, "probabilities");

        using var measure = new DegradationMeasure(classifier, tile);
        Assert.Equal($"degradation-{tile}", measure.Name);
        foreach (string of in (string[])["target", "pred"])
        {
            int target = (int)file.Longs($"class.{of}")[0];
            Measurement record = Toys.Records(measure, Toys.Photo(pixels, new Result(map, target, logits))).Single();
            Assert.Equal(measure.Points.Select(point => (double)point), record["tiles_removed"]);
            // d ln p = dz_y - sum p_k dz_k, at most twice the error of a logit; 3e-6 of the largest logit is what float32 networks of this depth show.
            double bound = 2 * 3e-6 * logits.Max(Math.Abs);
            Assert.InRange(bound, 1e-6, 1e-4);
            Close.InMaxNorm(AtPoints("morf"), [.. record["most_relevant_first"].Select(p => (float)p)], bound, $"MoRF, {of}");
            Close.InMaxNorm(AtPoints("lerf"), [.. record["least_relevant_first"].Select(p => (float)p)], bound, $"LeRF, {of}");
            float[] ends = file.Floats($"score{tile}.{of}.own.t1_b"), given = file.Floats($"score{tile}.{of}.given.t1_b");
            Assert.Equal(ends[0], record["most_relevant_first"][0], 1e-6);
            Assert.Equal(ends[1], record["most_relevant_first"][^1], 1e-6);
            float own = file.Floats($"score{tile}.{of}.own")[0], other = file.Floats($"score{tile}.{of}.given")[0];
            double score = Scored(record).Value;
            if (measure.Points.Count <= side / tile * (side / tile))
                continue;
            // The golden scores are over every tile. With other ends, equation 9 is the same area over another divisor.
            // An error of 1e-6 in the divisor moves the score by that share.
            double gap = ends[0] - ends[1], otherGap = given[0] - given[1];
            Assert.Equal(own, score, 1e-5 + 4e-6 / Math.Abs(gap));
            Assert.Equal(other, score * gap / otherGap, 1e-5 + 4e-6 / Math.Abs(otherGap));

            float[] AtPoints(string direction)
            {
                float[] path = file.Floats($"path{tile}.{direction}.{of}");
                return [.. measure.Points.Select(point => path[point])];
            }
        }
    }

    [Theory]
    [InlineData(784)]
    [InlineData(256)]
    [InlineData(144)]
    [InlineData(64)]
    [InlineData(36)]
    [InlineData(16)]
    public void The_points_are_the_published_ones_and_all_tiles(int tiles)
    {
        foreach (string name in NarrowNetwork.Names.Select(row => row.Data))
        {
            long[] published = Golden.Open($"{name}.degradation.safetensors").Longs($"reference_points.N{tiles}");
            Assert.Equal(published.Append(tiles).Distinct(), DegradationMeasure.PointsOf(tiles).Select(point => (long)point));
        }
    }

    /// <summary>Tile sums 3, 1, 2, 0; and equal sums, which stay in the order of the tiles in both directions.</summary>
    [Fact]
    public void Tiles_go_by_falling_and_by_rising_sums()
    {
        var map = new Heatmap(2, 2, [3, 1, 2, 0], HeatmapUnit.Relative);
        Assert.Equal([0, 2, 1, 3], DegradationMeasure.Order(map, 1, mostFirst: true));
        Assert.Equal([3, 1, 2, 0], DegradationMeasure.Order(map, 1, mostFirst: false));
        var even = new Heatmap(2, 2, [1, 2, 1, 2], HeatmapUnit.Relative);
        Assert.Equal([1, 3, 0, 2], DegradationMeasure.Order(even, 1, mostFirst: true));
        Assert.Equal([0, 2, 1, 3], DegradationMeasure.Order(even, 1, mostFirst: false));
    }

    [Theory]
    // The trapezoid over the share removed; the plain mean of the five points would be 0.375.
    [InlineData(0.46875, new[] { .9, .5, .3, .1, .1 }, new[] { .9, .9, .8, .7, .1 })]
    // A network of one sigmoid over the sum of w = (2, 1, -1, 0): a score is not bounded by 1.
    [InlineData(1.147634, new[] { .880797, .5, .268941, .268941, .5 }, new[] { .880797, .952574, .952574, .880797, .5 })]
    [InlineData(0, new[] { .9, .5, .3, .1, .1 }, new[] { .9, .5, .3, .1, .1 })]
    public void The_score_is_the_area_between_the_curves(double score, double[] most, double[] least)
    {
        Measurement record = Curves(most, least);
        Assert.Equal(score, Scored(record).Value, 2e-6);
        Assert.Equal(-score, Scored(Curves(least, most)).Value, 2e-6);
    }

    /// <summary>A ratio of means, not a mean of ratios: areas .3 and .1 over drops .8 and .2 give .4, the mean of ratios would be .4375.</summary>
    [Fact]
    public void Means_over_photos_come_first()
    {
        // Two points and the ends, 1/3 apart: an area is (L1 - M1 + L2 - M2) / 3.
        Measurement[] two = [Curves([.9, .1, .1, .1], [.9, .55, .55, .1]), Curves([.3, .15, .15, .1], [.3, .3, .3, .1])];
        Score score = Scored(two);
        Assert.Equal((.3 + .1) / (.8 + .2), score.Value, 1e-12);
        // A sample of two has the first photo alone, the second alone, or both: scores .375, .5 and .4 with probabilities 1/4, 1/4 and 1/2.
        Assert.Equal(Math.Sqrt((.375 * .375 + .5 * .5 + 2 * .4 * .4) / 4 - Math.Pow((.375 + .5 + .8) / 4, 2)), score.StandardError, .004);
        Assert.Equal((.375, .5), (Math.Round(score.Low, 12), Math.Round(score.High, 12)));
        Assert.Equal(2, score.Photos);
    }

    [Fact]
    public void Without_a_drop_from_whole_to_degraded_there_is_no_score()
    {
        Score score = Scored(Curves([.5, .4, .5], [.5, .6, .5]));
        Assert.True(double.IsNaN(score.Value));
        Assert.Equal(1, score.Undefined);
    }

    [Fact]
    public void A_tile_that_does_not_divide_the_image_is_refused()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        var classifier = new Classifier(narrow.Network) { Preprocessing = new Preprocessing { Resize = 64, Crop = 64 } };
        Assert.Contains("64 x 64", Assert.Throws<ArgumentException>(() => new DegradationMeasure(classifier, 14)).Message);
    }

    private static Score Scored(params Measurement[] records) => Assert.Single(DegradationMeasure.Scores).Over("method", records);

    private static Measurement Curves(double[] most, double[] least) => new("photo", "method", "degradation-8", 0, TargetSource.Folder,
        [
            new("tiles_removed", [.. Enumerable.Range(0, most.Length).Select(k => (double)k)]), new("most_relevant_first", most),
            new("least_relevant_first", least),
        ]);
}
