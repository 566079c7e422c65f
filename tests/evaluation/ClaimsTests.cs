using Iba.Evaluation;
using Xunit;

namespace Tests.Evaluation;

public class ClaimsTests
{
    private static Claim Claim(string text, params EvaluatedNetwork[] networks) => Claims.Of(networks).First(claim => claim.Text.Contains(text));

    private static EvaluatedNetwork Network(params IEnumerable<EvaluationRecord>[] records) => Named("resnet50", records);

    private static EvaluatedNetwork Named(string name, params IEnumerable<EvaluationRecord>[] records) => new(name, [.. records.SelectMany(each => each)]);

    private static IEnumerable<EvaluationRecord> Scores(string method, double degradation, double boxes) =>
        [.. MadeUp.Degradation(method, degradation), .. MadeUp.Degradation(method, degradation, 14), .. MadeUp.Boxes(method, boxes)];

    [Fact]
    public void Sensitivity_above_2000_pixels_is_not_measured_on_images_that_have_no_more()
    {
        Measurement Record(string method) => MadeUp.Record(method, "sensitivity-8", 0, new("pixels", 64, 1024), new("correlations", 0.5, 0.5));
        Assert.Equal(ClaimState.NotMeasured, Claim("highest Sensitivity-n", Network([Record("per-sample"), Record("gradient")])).State);
    }

    [Fact]
    public void Nothing_is_measured_without_records()
    {
        IReadOnlyList<Claim> claims = Claims.Of(Network());
        Assert.Equal(14, claims.Count);
        Assert.All(claims, claim => Assert.Equal(ClaimState.NotMeasured, claim.State));
        Assert.All(claims, claim => Assert.StartsWith("not measured: ", $"{claim}"));
    }

    [Theory]
    [InlineData(0.6, ClaimState.Held)]
    [InlineData(0.4, ClaimState.NotHeld)]
    public void Five_of_six_settings_are_counted_over_both_networks(double boxes, ClaimState state)
    {
        // Degradation on ResNet-50 is lost or not with both tile sizes; the other four columns are won.
        EvaluatedNetwork resnet = Network(Scores("per-sample", 0.5, 0.7), MadeUp.Degradation("grad-cam", 0.4), MadeUp.Degradation("grad-cam", 1 - boxes, 14),
            MadeUp.Boxes("grad-cam", 0.3));
        EvaluatedNetwork vgg = Named("vgg16", Scores("readout", 0.5, boxes), Scores("saliency", 0.4, 0.5));
        Claim claim = Claim("five out of six", resnet, vgg);
        Assert.Equal(state, claim.State);
        Assert.Contains("vgg16 boxes: IBA Readout", claim.Numbers);
        Assert.Equal(ClaimState.NotMeasured, Claim("five out of six", resnet).State);
    }

    [Theory]
    [InlineData(0.62, "held: resnet50: the per-sample bottleneck finds the boxes better than all baselines, by a margin of 0.152")]
    [InlineData(0.61, "not held: ")]
    public void The_margin_of_the_boxes_is_over_the_best_baseline(double own, string begins)
    {
        // The readout is no baseline.
        Claim claim = Claim("finds the boxes", Network(MadeUp.Boxes("per-sample", own), MadeUp.Boxes("grad-cam", 0.465), MadeUp.Boxes("readout", 0.55)));
        Assert.StartsWith(begins, $"{claim}");
        Assert.EndsWith($"(4.5). {own - 0.465:0.000} [{own - 0.465:0.000}, {own - 0.465:0.000}]: IBA Per-Sample {own:0.000}, Grad-CAM 0.465.", $"{claim}");
    }

    [Fact]
    public void Random_is_at_zero_within_two_standard_errors()
    {
        Measurement[] Scattered(double shift) => [.. Enumerable.Range(0, 20).Select(image =>
            MadeUp.Degradation("random", [1, 0.5, 0], [1, 0.5 + shift + (image % 2 == 0 ? 0.1 : -0.1), 0], image))];
        // A score is half of the middle's difference: ±0.05, with a standard error of 0.05 / √20 = 0.011.
        Assert.Equal(ClaimState.Held, Claim("random attribution", Network(Scattered(0.02))).State);
        Assert.Equal(ClaimState.NotHeld, Claim("random attribution", Network(Scattered(0.1))).State);
        // One photo has no standard error.
        Assert.Equal(ClaimState.NotMeasured, Claim("random attribution", Network(Scattered(0.1).Take(1))).State);
    }

    [Theory]
    [InlineData(0.6, 0.2, ClaimState.Held, ClaimState.Held)]
    [InlineData(0.6, 0.7, ClaimState.Held, ClaimState.NotHeld)]
    [InlineData(0.9, 0.2, ClaimState.NotHeld, ClaimState.Held)]
    [InlineData(1.0, 0.2, ClaimState.NotHeld, ClaimState.NotHeld)]
    public void Similarity_falls_with_the_last_layer_and_with_depth(double last, double all, ClaimState around, ClaimState deeper)
    {
        EvaluatedNetwork network = Network([MadeUp.Sanity("per-sample", 0, last, 0.5, all), MadeUp.Sanity("guided-backprop", 0, 0.9, 0.8, 0.7)]);
        Assert.Equal(around, Claim("around 0.4", network).State);
        Assert.Equal(deeper, Claim("depends on all", network).State);
        Assert.Equal(ClaimState.Held, Claim("remain similar", network).State);
        Assert.Equal(ClaimState.NotMeasured, Claim("SmoothGrad", network).State);
    }

    [Theory]
    [InlineData(0.3, ClaimState.Held, "at 2 of 2 numbers of pixels.")]
    [InlineData(0.1, ClaimState.NotHeld, "at 1 of 2 numbers of pixels; at 40128 pixels 0.100, Gradient 0.200.")]
    public void Sensitivity_is_compared_above_2000_pixels_alone(double largest, ClaimState state, string numbers)
    {
        Measurement Record(string method, params double[] correlations) =>
            MadeUp.Record(method, "sensitivity-8", 0, new("pixels", 64, 3072, 40128), new("correlations", correlations));
        Claim claim = Claim("highest Sensitivity-n", Network([Record("per-sample:beta=10", 0, 0.4, largest), Record("gradient", 0.9, 0.2, 0.2)]));
        Assert.Equal((state, numbers), (claim.State, claim.Numbers));
    }

    [Theory]
    [InlineData("resnet50", 0.504, ClaimState.Held)]
    [InlineData("resnet50", 0.6, ClaimState.NotHeld)]
    [InlineData("vgg16", 0.504, ClaimState.NotHeld)]
    public void GuidedGradCam_may_be_comparable_on_ResNet50_alone(string network, double guided, ClaimState state) =>
        Assert.Equal(state, Claim("outperforms all other", Named(network, Scores("per-sample", 0.5, 0.5), Scores("guided-grad-cam", guided, 0.5),
            Scores("readout", 0.45, 0.5))).State);

    [Fact]
    public void Undefined_numbers_decide_nothing()
    {
        Claim sanity = Claim("around 0.4", Network([MadeUp.Sanity("per-sample", 0, double.NaN, double.NaN)]));
        Assert.Equal(ClaimState.NotMeasured, sanity.State);
        Assert.Equal("It needs defined numbers: sanity is undefined for IBA Per-Sample on all photos.", sanity.Numbers);
        Measurement Tiles(string method, double correlation) =>
            MadeUp.Record(method, "sensitivity-8", 0, new("pixels", 64, 3072), new("correlations", correlation, correlation));
        EvaluatedNetwork constant = Network([Tiles("per-sample", double.NaN), Tiles("occlusion-8", double.NaN), Tiles("gradient", 0.2)]);
        Assert.Equal(ClaimState.NotMeasured, Claim("highest Sensitivity-n", constant).State);
        Assert.Equal(ClaimState.NotMeasured, Claim("Occlusion-8x8 performs", constant).State);
        EvaluatedNetwork alone = Network([Tiles("per-sample", 0.2), Tiles("occlusion-8", double.NaN), Tiles("gradient", double.NaN)]);
        Assert.Equal(ClaimState.NotMeasured, Claim("highest Sensitivity-n", alone).State);
        IEnumerable<Measurement> others = MadeUp.Boxes("grad-cam", 0.4).Select(record => record with { Image = $"other {record.Image}" });
        EvaluatedNetwork apart = Network(MadeUp.Boxes("per-sample", 0.7), others);
        Assert.Equal("It needs photos of both IBA Per-Sample and Grad-CAM.", Claim("finds the boxes", apart).Numbers);
        // Fully degraded photos have the probability of whole ones: there is no scale.
        EvaluatedNetwork flat = Network([MadeUp.Degradation("random", [1, 1, 1], [1, 1, 1], 0), MadeUp.Degradation("random", [1, 1, 1], [1, 1, 1], 1)]);
        Assert.Equal(ClaimState.NotMeasured, Claim("random attribution", flat).State);
    }

    [Fact]
    public void Accuracy_is_that_of_top_1_by_beta()
    {
        EvaluationRecord[] records = [MadeUp.Restriction("per-sample:beta=10", 0.1, 0.98, 1), MadeUp.Restriction("per-sample:beta=100", 0.02, 0.4, 0.5)];
        Claim claim = Claim("accuracy", Network(records));
        Assert.Equal((ClaimState.Held, "IBA Per-Sample (β = 10) 0.980, IBA Per-Sample (β = 100) 0.400."), (claim.State, claim.Numbers));
        Assert.Equal(ClaimState.NotMeasured, Claim("accuracy", Network(records.Take(1))).State);
    }
}
