using System.Xml.Linq;
using Iba.Evaluation;
using Iba.Rendering;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Evaluation;

public class EvaluationFiguresTests
{
    private static readonly double[] Most = [0.9, 0.5, 0.3, 0.1, 0.1], Least = [0.9, 0.9, 0.8, 0.7, 0.1];

    private static EvaluationFigures Of(params Measurement[] records) => new(new EvaluatedNetwork("demo", records));

    private static Curve Curve(CurveFigure? figure, int panel, string name) =>
        figure!.Rows.SelectMany(row => row).ElementAt(panel).Curves.Single(curve => curve.Name == name);

    private static void Equal(double[] expected, IReadOnlyList<double> found)
    {
        Assert.Equal(expected.Length, found.Count);
        // The numbers are of the order of 1 and need a few operations in double.
        foreach ((double one, double other) in expected.Zip(found))
            Assert.Equal(one, other, 1e-12);
    }

    [Fact]
    public void Degradation_curves_are_normalised_by_the_mean_of_whole_and_of_degraded_photos()
    {
        CurveFigure? figure = Of(MadeUp.Degradation("gradient", Most, Least)).Degradation();
        Equal([0, 0.25, 0.5, 0.75, 1], Curve(figure, 0, "Gradient").X);
        Equal([1, 0.5, 0.25, 0, 0], Curve(figure, 0, "Gradient").Y);
        Equal([1, 1, 0.875, 0.75, 0], Curve(figure, 1, "Gradient").Y);
        // The trapezoids of it have the area .46875.
        Equal([0, 0.5, 0.625, 0.75, 0], Curve(figure, 2, "Gradient").Y);
    }

    [Fact]
    public void A_curve_is_a_ratio_of_means_and_not_a_mean_of_ratios()
    {
        CurveFigure? figure = Of(
            MadeUp.Degradation("gradient", [1, 1, 0], [1, 1, 0], 0), MadeUp.Degradation("gradient", [0.2, 0, 0], [0.2, 0, 0], 1)).Degradation();
        Equal([1, 1 / 1.2, 0], Curve(figure, 0, "Gradient").Y);
    }

    [Fact]
    public void An_interval_encloses_its_curve_and_is_drawn_for_the_bottlenecks_alone_where_methods_are_many()
    {
        Measurement[] Records(params string[] methods) =>
        [
            .. from method in methods
               from image in Enumerable.Range(0, 12)
               let shift = image % 3 * 0.1
               select MadeUp.Degradation(method, [.. Most.Select(p => p * (1 - shift))], [.. Least.Select(p => p - shift * p * p)], image),
        ];
        Curve few = Curve(Of(Records("gradient", "per-sample")).Degradation(), 1, "Gradient");
        Assert.All(few.Y.Select((y, i) => (y, i)), each => Assert.InRange(each.y, few.Low![each.i] - 1e-12, few.High![each.i] + 1e-12));
        Assert.True(few.High![2] - few.Low![2] > 0.001);
        CurveFigure? many = Of(Records("gradient", "saliency", "random", "grad-cam", "per-sample")).Degradation();
        Assert.Null(Curve(many, 1, "Gradient").Low);
        Assert.NotNull(Curve(many, 1, "IBA Per-Sample").Low);
        Assert.True(Curve(many, 1, "IBA Per-Sample").Emphasised);
    }

    [Fact]
    public void Rows_are_sizes_of_tiles_and_only_the_last_panel_names_the_curves()
    {
        CurveFigure figure = Of(MadeUp.Degradation("random", Most, Least), MadeUp.Degradation("random", Most, Least, tile: 14)).Degradation()!;
        Assert.Equal(["Least relevant first, 8 x 8 pixels", "Least relevant first, 14 x 14 pixels"], figure.Rows.Select(row => row[1].Title));
        Assert.Equal([false, false, true], figure.Rows[1].Select(panel => panel.Named));
    }

    [Fact]
    public void The_area_of_the_per_sample_bottleneck_is_its_score_with_the_papers_beta()
    {
        EvaluationFigures figures = Of(
            MadeUp.Degradation("per-sample:beta=100", [1, 0, 0], [1, 1, 0]), MadeUp.Degradation("per-sample:beta=10", Most, Least),
            MadeUp.Degradation("gradient", Most, Least));
        CurvePanel panel = figures.PerSample()!.Rows[0].Single();
        Assert.Equal("8 x 8 pixels: area 0.469", panel.Title);
        Equal([1, 1, 0.875, 0.75, 0], panel.Curves[0].High!);
        Equal([1, 0.5, 0.25, 0, 0], panel.Curves[0].Low!);
    }

    [Fact]
    public void The_sanity_check_starts_at_1_and_has_the_quartiles_of_the_defined_values()
    {
        double[] ssim = [0.1, 0.2, 0.3, 0.5, 0.9];
        Measurement[] records = [.. ssim.Select((value, image) => MadeUp.Sanity("gradient", image, value, image == 0 ? double.NaN : 0.4, double.NaN))];
        CurveFigure? figure = new EvaluationFigures(new("demo", records) { Layers = ["fc", "layer1", "conv1"] }).SanityAndSensitivity();
        Curve curve = Curve(figure, 0, "Gradient");
        Equal([1, 0.4, 0.4, double.NaN], curve.Y);
        Equal([1, 0.2, 0.4, double.NaN], curve.Low!);
        Equal([1, 0.5, 0.4, double.NaN], curve.High!);
        Assert.Equal(["none", "fc", "layer1", "conv1"], figure!.Rows[0][0].X.Ticks.Select(tick => tick.Label));
        Assert.Equal(["none", "1", "2", "3"], Of(records).SanityAndSensitivity()!.Rows[0][0].X.Ticks.Select(tick => tick.Label));
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void The_layers_of_a_ledgers_network_are_those_of_the_sanity_check(string name)
    {
        using var cpu = new Cpu();
        using NarrowNetwork narrow = NarrowNetwork.Open(name, cpu);
        var settings = new EvaluationSettings(null, "sanity", new Dictionary<string, string> { ["network"] = narrow.Network.Name });
        var contents = new LedgerContents(new Dictionary<string, EvaluationSettings> { [settings.Id] = settings }, [], 0, []);
        Assert.Equal(RandomisedNetwork.Points(narrow.Network), EvaluatedNetwork.Of(contents).Layers);
    }

    [Theory]
    [InlineData(0.9, 0.1, 0.4)]
    [InlineData(0.9, 0.5, null)]
    [InlineData(0.3, 0.1, null)]
    public void Sensitivity_is_clipped_where_that_hides_occlusion_alone(double occlusion, double other, double? clip)
    {
        Measurement Record(string method, double value) =>
            MadeUp.Record(method, "sensitivity-8", 0, new("pixels", 64, 640, 6400), new("correlations", value, value, other));
        CurveFigure figure = Of(Record("occlusion-8", occlusion), Record("random", other)).SanityAndSensitivity()!;
        Assert.Equal(clip, figure.Rows[0].Single().Y.High);
        Equal([64, 640, 6400], Curve(figure, 0, "Random").X);
        Assert.StartsWith("Sensitivity-n on demo", figure.Title);
    }

    [Fact]
    public void A_method_has_one_colour_in_all_figures_and_variants_are_named_by_what_distinguishes_them()
    {
        string[] names = ["per-sample:beta=1:spread=relu-rms", "per-sample:beta=10:spread=relu-rms", "grad-cam:explain=predicted"];
        CurveFigure figure = Of([.. names.Select(name => MadeUp.Degradation(name, Most, Least))]).Degradation()!;
        Assert.Equal(["IBA Per-Sample (β = 1)", "IBA Per-Sample (β = 10)", "Grad-CAM"], figure.Rows[0][0].Curves.Select(curve => curve.Name));
    }

    [Fact]
    public void All_figures_that_records_allow_are_drawn()
    {
        Assert.Empty(Of().All());
        IReadOnlyList<NamedFigure> all = Of(MadeUp.Degradation("per-sample", Most, Least), MadeUp.Sanity("per-sample", 0, 0.5)).All();
        Assert.Equal(["degradation", "per-sample-degradation", "sanity-and-sensitivity"], all.Select(each => each.Name));
        Assert.All(all, each => Assert.Equal(each.Figure.Title, XDocument.Parse(each.Figure.Svg()).Root!.Elements().First().Value));
    }
}
