using System.Xml.Linq;
using Iba.Statistics;
using Tests.Cli;
using Xunit;

namespace Tests.Attribution;

/// <summary>iba compare and iba patterns fit, end to end, on a golden network.</summary>
public sealed class CompareCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _weights = Golden.Path("vgg16-narrow.pth");
    private readonly string _photos = Golden.Path("preprocessing");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Patterns_are_fitted_and_every_method_that_can_run_is_drawn()
    {
        string patterns = _folder["patterns.safetensors"], figure = _folder["figure"];
        IbaProcess.Result fitted = IbaProcess.Run(
            "patterns", "fit", "--weights", _weights, "--size", "64", "--images", _photos, "--out", patterns);
        Assert.True(fitted.ExitCode == 0, fitted.Error);

        IbaProcess.Result result = Compare("--methods", "all", "--patterns", patterns, "--out", figure, Photo("jpeg444.jpg"));
        Assert.True(result.ExitCode == 0, result.Error);
        foreach (string method in (string[])["gradient", "lrp-alpha1-beta0", "pattern", "occlusion-14", "random"])
            Assert.Contains(method, result.Output);
        // A method that could not run is reported with the remedy.
        Assert.Contains("iba estimate", result.Error);
        Assert.Contains("iba readout train", result.Error);
        Assert.Equal((byte)'P', File.ReadAllBytes($"{figure}.png")[1]);
        string svg = File.ReadAllText($"{figure}.svg");
        foreach (string text in (string[])["GuidedGrad-CAM", "the time it took on the CPU"])
            Assert.Contains(text, Words(svg));
        Assert.Contains("in the paper", result.Output);

        IbaProcess.Result other = IbaProcess.Run(
            "compare", Photo("rgb.png"), "--weights", Golden.Path("resnet50-narrow.pth"), "--size", "96",
            "--methods", "pattern", "--patterns", patterns);
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("vgg16, not resnet50", other.Error);
    }

    /// <summary>The paper reports LRP for VGG-16 alone.</summary>
    [Theory, InlineData("resnet50", true), InlineData("vgg16", false)]
    public void A_method_that_the_paper_did_not_report_for_a_network_is_marked(string network, bool marked)
    {
        // A photo may have any name.
        string figure = _folder["marked"], photo = _folder.With($"grün {new string('x', 80)}.png", File.ReadAllBytes(Photo("rgb.png")));
        IbaProcess.Result result = IbaProcess.Run(
            "compare", photo, "--weights", Golden.Path($"{network}-narrow.pth"), "--size", "64",
            "--methods", "lrp-alpha1-beta0,random", "--out", figure);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(marked, Row("lrp-alpha1-beta0").Contains("not reported"));
        Assert.DoesNotContain("not reported", Row("random"));
        Assert.Equal(marked, Words(File.ReadAllText($"{figure}.svg")).Contains($"* not reported for {network} in the paper"));

        string Row(string method) => Assert.Single(result.Lines, line => line.Contains(method));
    }

    [Fact]
    public void Betas_and_layers_make_a_table_of_bottlenecks()
    {
        string figure = _folder["sweep"];
        IbaProcess.Result result = Compare(
            "--betas", "1,100", "--layers", "features.10,features.17", "--images", _photos, "--out", figure, Photo("jpeg444.jpg"));
        Assert.True(result.ExitCode == 0, result.Error);
        string svg = File.ReadAllText($"{figure}.svg");
        foreach (string text in (string[])["β = 1/k", "β = 100/k", "features.10", "features.17", "p = ", "k is the number of the layer's neurons"])
            Assert.Contains(text, Words(svg));
        // The paper's tables know neither these layers nor this network.
        Assert.DoesNotContain("in the paper", result.Output);
    }

    [Fact]
    public void The_mask_is_shown_while_it_is_fitted()
    {
        string figure = _folder["evolution"];
        IbaProcess.Result result = IbaProcess.Run("compare", "--weights", Golden.Path("resnet50-narrow.pth"), "--size", "64", "--evolution",
            "--images", _photos, "--out", figure, Photo("jpeg444.jpg"));
        Assert.True(result.ExitCode == 0, result.Error);
        string words = Words(File.ReadAllText($"{figure}.svg"));
        foreach (string text in (string[])["t = 0", "t = 10", "layer1.2, not smoothed", "layer1.2, σ = 2", "All maps have one scale"])
            Assert.Contains(text, words);
        // Two rows of six maps.
        Assert.Equal(12, result.Lines.Count(line => line.Contains("layer1.2")));
    }

    [Fact]
    public void The_page_of_a_sweep_has_a_column_for_each_layer_and_weight()
    {
        string figure = _folder["sweep"];
        IbaProcess.Result result = IbaProcess.Run("compare", "--weights", Golden.Path("resnet50-narrow.pth"), "--size", "64", "--layers", "layer1,layer2",
            "--betas", "1,10", "--images", _photos, "--out", figure, "--report", $"{figure}.html", Photo("jpeg444.jpg"), Photo("rgb.png"));
        Assert.True(result.ExitCode == 0, result.Error);
        string page = File.ReadAllText($"{figure}.html");
        foreach (string column in (string[])["layer1.2, β = 1/k", "layer1.2, β = 10/k", "layer2.3, β = 1/k", "layer2.3, β = 10/k"])
            Assert.Contains($"checked> {System.Net.WebUtility.HtmlEncode(column)}</label>", page, StringComparison.Ordinal);
        Assert.Equal(8, page.Split("class=\"of-map\"").Length - 1);
        Assert.Equal(2, page.Split("<h2 id=\"row-").Length - 1);
        Assert.Contains("layer1.2: ", page, StringComparison.Ordinal);
    }

    /// <summary>A photo that is left out is named each time that it is read. What comes through a pipe can be read once.</summary>
    [Fact]
    public void Photos_and_statistics_are_read_once_for_all_layers_and_weights()
    {
        string photos = _folder["photos"], statistics = _folder["statistics"];
        Directory.CreateDirectory(photos);
        foreach (string name in (string[])["jpeg444.jpg", "rgb.png"])
            File.Copy(Photo(name), Path.Combine(photos, name));
        File.WriteAllBytes(Path.Combine(photos, "cut.jpg"), File.ReadAllBytes(Photo("jpeg444.jpg"))[..400]);
        IbaProcess.Result layers = Compare("--layers", "features.10,features.17", "--images", photos, "--out", _folder["layers"], Photo("rgb.png"));
        Assert.True(layers.ExitCode == 0, layers.Error);
        Assert.Equal(2, layers.Error.Split("statistics of 2 images kept").Length - 1);
        Assert.Single(layers.Error.Split('\n'), line => line.Contains("cut.jpg", StringComparison.Ordinal));

        IbaProcess.Result estimated = IbaProcess.Run(
            "estimate", "--weights", _weights, "--size", "64", "--layer", "features.10", "--images", photos, "--out", statistics);
        Assert.True(estimated.ExitCode == 0, estimated.Error);
        IbaProcess.Result weights = IbaProcess.Shell(_folder[""], "mkfifo pipe; cat statistics > pipe & \"$IBA\" compare - --weights \"$W\" --size 64 "
            + "--betas 1,10 --statistics pipe --out weights < \"$P\"", ("W", _weights), ("P", Photo("rgb.png")));
        Assert.True(weights.ExitCode == 0, weights.Error);
        Assert.Equal(["1", "10"], weights.Lines.Where(line => line.Contains("β =")).Select(line => line.Split("β = ")[1].Split('/')[0]));
    }

    /// <summary>With means so far away the gradient of the information overflows: a mask that was not updated has a map, the others have none.</summary>
    [Theory]
    [InlineData("the optimisation diverged")]
    [InlineData("line ", "--check-finite")]
    public void Maps_before_a_fit_diverges_are_drawn_and_the_others_named(string reason, params string[] check)
    {
        string weights = Golden.Path("resnet50-narrow.pth"), statistics = _folder["statistics"], figure = _folder["evolution"];
        IbaProcess.Result estimated = IbaProcess.Run(
            "estimate", "--weights", weights, "--size", "64", "--layer", "layer1.2", "--images", _photos, "--out", statistics);
        Assert.True(estimated.ExitCode == 0, estimated.Error);
        FeatureStatistics of = FeatureStatistics.Load(statistics);
        (of with { Mean = [.. of.Mean.Select(mean => 1e15f * mean)] }).Save(statistics, TestContext.Current.CancellationToken);
        IbaProcess.Result result = IbaProcess.Run(["compare", Photo("rgb.png"), "--weights", weights, "--size", "64", "--evolution", "--beta", "1e9",
            "--statistics", statistics, "--out", figure, .. check]);
        Assert.True(result.ExitCode == 4, result.Error);
        // A row of each smoothing.
        Assert.Equal(2, result.Lines.Count(line => line.Contains("t = 0", StringComparison.Ordinal)));
        Assert.DoesNotContain("t = 1", result.Output, StringComparison.Ordinal);
        Assert.Equal(2, result.Error.Split($"t = 10: {reason}").Length - 1);
        Assert.True(File.Exists($"{figure}.svg"));
    }

    [Fact]
    public void Statistics_are_estimated_only_for_the_method_that_needs_them()
    {
        string[] folder = ["--images", _photos, "--samples", "5", "--out", _folder["x"], Photo("rgb.png")];
        IbaProcess.Result without = Compare(["--methods", "grad-cam,random", .. folder]);
        Assert.True(without.ExitCode == 0, without.Error);
        Assert.DoesNotContain("statistics", without.Error);
        Assert.Contains("statistics of 5 images", Compare(["--methods", "grad-cam,per-sample", .. folder]).Error);
    }

    [Fact]
    public void A_weight_that_is_no_number_is_named_by_the_option_that_was_given()
    {
        foreach (string[] options in (string[][])[["--methods", "random"], ["--layers", "features.10"]])
        {
            IbaProcess.Result result = Compare([.. options, "--beta", "nan", Photo("rgb.png")]);
            Assert.True(result.ExitCode == 2, result.Error);
            Assert.Contains("--beta nan: it must be a finite number", result.Error);
            Assert.DoesNotContain("--betas", result.Error);
        }
    }

    [Theory]
    [InlineData("there is no method 'lime'", "--methods", "gradient,lime")]
    [InlineData("excludes", "--methods", "gradient", "--betas", "1")]
    [InlineData("exclude each other", "--evolution", "--betas", "1")]
    [InlineData("'ten'", "--betas", "ten")]
    [InlineData("iba estimate", "--methods", "per-sample")]
    [InlineData("iba patterns fit", "--methods", "pattern")]
    public void Usage_errors_are_named(string what, params string[] options)
    {
        IbaProcess.Result result = Compare([.. options, "--out", _folder["x"], Photo("rgb.png")]);
        Assert.True(result.ExitCode == 2, result.Error);
        Assert.Contains(what, result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.False(File.Exists(_folder["x.png"]));
    }

    private IbaProcess.Result Compare(params string[] arguments) =>
        IbaProcess.Run(["compare", "--weights", _weights, "--size", "64", .. arguments]);

    /// <summary>The texts of a figure, whose long lines are wrapped into several.</summary>
    private static string Words(string svg) =>
        string.Join(' ', XDocument.Parse(svg).Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value));

    private string Photo(string name) => Path.Combine(_photos, name);
}
