using Iba;
using Iba.Bottleneck;
using Iba.Cli;
using Iba.Engine.Diagnostics;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Images;
using Iba.Paths;
using Iba.Reports;
using Tests.Evaluation;
using Tests.Networks;
using Xunit;

namespace Tests.Browser;

/// <summary>The pages that the program writes, in a real browser: right numbers, working controls, no request, no mistake that axe-core finds.</summary>
public sealed class PageTests : IDisposable
{
    private const string Hostile = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>\u202Egnp.jpg";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Maps_are_read_right_and_every_control_works()
    {
        var random = new Random(1);
        ReportRow[] rows = [.. Enumerable.Range(0, 2).Select(i => Row($"photo {i}", random, 60, 50, 3))];
        var report = new MapReport("Two photos by three methods", ["one", "two", "three"], rows) { Command = "iba compare a.png b.png", Notes = ["A note."] };
        string hostile = $"Maps of {Hostile}";
        var named = new MapReport(hostile, [Hostile, "other"], [Row(Hostile, random, 40, 40, 2)])
        {
            Facts = new Dictionary<string, string> { [Hostile] = Hostile },
            Command = Hostile,
            Notes = [Hostile],
        };
        string index = Write("index.html", MapReport.Index("An index", [(Hostile, Hostile, "maps.html")]));
        Chromium.Check(
            Page(Write("maps.html", report.ToBytes()), report.Title, rows[0], 12, 34),
            Page(Write("hostile.html", named.ToBytes()), Shown(hostile), named.Rows[0], 39, 0),
            new { file = index, kind = "index", title = "An index" });
    }

    [Fact]
    public void A_gradient_path_sorts_unfolds_and_compares_two_rules()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        GoldenFile golden = Golden.Open("resnet50-narrow.per_sample.safetensors");
        int[] nchw = golden.Shape("input");
        using var score = new RecordedScore(narrow.Network, new Shape(1, nchw[2], nchw[3], nchw[1]), golden.NHWC("input"));
        using var rule = RuleMap.Parse(["guided"]);
        var path = GradientPath.Of(score.Tape, score.Score, new GradientPathSettings { Layers = score.Layers, Rule = rule, Repeats = 1, MeasuresPeak = false });
        var page = new TapePage($"Path of {Hostile}", path, score.Tape)
        {
            Rule = "guided",
            Command = "iba tape",
            Facts = new Dictionary<string, string> { ["a"] = Hostile },
        };
        Chromium.Check(new { file = Write("tape.html", page.ToBytes()), kind = "tape", title = Shown(page.Title) });
    }

    [Fact]
    public void An_evaluation_is_tables_curves_and_disputed_photos()
    {
        EvaluationRecord[] records =
        [
            .. MadeUp.Degradation("random", 0), .. MadeUp.Degradation("grad-cam", 0.25), .. MadeUp.Boxes("grad-cam", 0.5),
            .. MadeUp.Boxes("random", 0.125), .. MadeUp.Boxes("gradient", 0.25), MadeUp.Sanity("random", 0, 0.5),
        ];
        var network = new EvaluatedNetwork("resnet50", records);
        IReadOnlyList<Disagreement> disputed = EvaluationPage.MostDisputed(network);
        Assert.Equal(6, disputed.Count);
        Disagreement boxes = disputed.First(each => each.Measure.StartsWith("boxes", StringComparison.Ordinal));
        Assert.Equal(("photo0.png", "grad-cam", 0.5, "random", 0.125), (boxes.Photo, boxes.Best, boxes.Highest, boxes.Worst, boxes.Lowest));
        ReportRow disagreed = Row(Hostile, new Random(3), 40, 40, 2);
        var page = new EvaluationPage($"Evaluation of {Hostile}")
        {
            Tables = [EvaluationTable.OfMethods(network)!],
            Figures = [.. new EvaluationFigures(network).All().Select(each => each.Figure)],
            Claims = [Hostile],
            Disagreements = [.. disputed, boxes with { Photo = Hostile }],
            Maps = new MapReport("", ["grad-cam", Hostile], [disagreed]),
            Missing = [Hostile],
            Facts = new Dictionary<string, string> { ["a"] = Hostile },
        };
        Chromium.Check(Page(Write("evaluation.html", page.ToBytes()), Shown(page.Title), disagreed, 7, 30));
    }

    [Fact]
    public void An_evaluation_leaves_out_the_maps_that_it_has_no_room_for()
    {
        ReportRow large = Row("large", new Random(4), 1500, 1500, 1), small = Row("small", new Random(4), 40, 40, 1);
        var page = new EvaluationPage("Large photos") { Maps = new MapReport("", ["IBA"], [large, large with { Title = "second" }, small]) };
        byte[] bytes = page.ToBytes();
        Assert.InRange(bytes.Length, large.Bytes / 2, 25_000_000);
        string text = System.Text.Encoding.UTF8.GetString(bytes);
        Assert.Contains("no room for the maps of 1 more of these photos.", text, StringComparison.Ordinal);
        Assert.Contains(">large</h3>", text, StringComparison.Ordinal);
        Assert.Contains(">small</h3>", text, StringComparison.Ordinal);
        Assert.DoesNotContain(">second</h3>", text, StringComparison.Ordinal);
    }

    /// <summary>50 photos of 224 x 224 whose bytes do not compress, the largest that there are.</summary>
    [Fact]
    public void Fifty_photos_fit_one_page_and_more_become_an_index()
    {
        var random = new Random(2);
        ReportRow[] rows = [.. Enumerable.Range(0, 50).Select(i => Row($"photo {i}", random, 224, 224, 1))];
        var report = new MapReport("Fifty photos", ["IBA"], rows);
        byte[] bytes = report.ToBytes();
        Assert.InRange(bytes.Length, 1_000_000, 25_000_000);
        Assert.True(rows.Sum(row => row.Bytes) <= MapReport.MostBytes && rows.Sum(row => row.Bytes) > 0.9 * (bytes.Length - 100_000));
        // One width and no axe-core: its markup is that of the smaller page.
        Chromium.Check(Page(Write("fifty.html", bytes), report.Title, rows[0], 100, 100, brief: true));
    }

    /// <summary>The photo that exceeds a page's size starts the pages: those before it, and all after it, have one each.</summary>
    [Fact]
    public void Photos_that_exceed_a_page_have_one_each_and_an_index()
    {
        var photo = new Photo(new byte[3 * 1500 * 1500], 1500, 1500, "made up");
        var map = new ReportMap(new Heatmap(1500, 1500, new float[1500 * 1500], HeatmapUnit.BitsPerPixel), "");
        string path = _folder["all.html"];
        var report = new ReportFile(path, new MapReport("All", ["IBA"], []));
        foreach (string title in (string[])["a", "b", "c"])
            report.Add(new ReportRow(title, "", photo, [map]));
        report.Finish();
        Assert.Equal(["all-1.html", "all-2.html", "all-3.html", "all.html"], Directory.GetFiles(_folder[""], "all*").Select(Path.GetFileName).Order());
        string index = File.ReadAllText(path);
        Assert.Contains("<a href=\"all-3.html\">c</a>", index, StringComparison.Ordinal);
        Assert.DoesNotContain("canvas", index.Split("<main>")[1].Split("</main>")[0], StringComparison.Ordinal);
        Assert.All((int[])[1, 2, 3], page => Assert.InRange(new FileInfo(_folder[$"all-{page}.html"]).Length, 1_000_000, 25_000_000));
    }

    private string Write(string name, byte[] bytes) => _folder.With(name, bytes);

    /// <summary>A title as a browser shows it: what could reorder the text is written as an escape.</summary>
    private static string Shown(string title) => global::Iba.Engine.Files.ForeignText.Harmless(title);

    private static object Page(string file, string title, ReportRow row, int y, int x, bool brief = false) => new
    {
        file,
        kind = "maps",
        brief,
        title,
        pixel = (int[])[y, x],
        expected = row.Maps[0]!.Map.Values[y * row.Photo.Width + x],
        // The page enlarges the cells of a mask on its way; the program does it here.
        last = row.Maps[0]!.Evolution[^1].Capacity.Heatmap(row.Photo.Height, row.Photo.Width).Values[y * row.Photo.Width + x],
    };

    private static CapacityMap Cells(Random random) => new(4, 5, 2, [.. Enumerable.Range(0, 4 * 5 * 2).Select(_ => 30 * random.NextSingle())]);

    private static ReportRow Row(string title, Random random, int width, int height, int maps)
    {
        byte[] pixels = new byte[3 * width * height];
        random.NextBytes(pixels);
        return new ReportRow(title, $"What was found in {title}.", new Photo(pixels, width, height, "made up"), [.. Enumerable.Range(0, maps).Select(i =>
        {
            bool bits = i == 0;
            float[] values = [.. Enumerable.Range(0, width * height).Select(_ => random.NextSingle() * 2 - (bits ? 0 : 1))];
            return new ReportMap(new Heatmap(height, width, values, bits ? HeatmapUnit.BitsPerPixel : HeatmapUnit.Logit), "a note")
            {
                Losses = bits ? [new StepLoss(0.1f, 5, 10), new StepLoss(0.2f, 2, 10), new StepLoss(0.5f, 0.1f, 10)] : [],
                Neurons = 100,
                Evolution = bits ? [.. new[] { 0, 1, 2 }.Select(updates => new EvolutionStep(updates, Cells(random), 0.5))] : [],
            };
        })]);
    }
}
