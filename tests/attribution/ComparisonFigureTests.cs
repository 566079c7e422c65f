using System.Xml.Linq;
using Iba;
using Iba.Images;
using Iba.Rendering;
using Xunit;

namespace Tests.Attribution;

/// <summary>Maps side by side: what the colours mean, and that nothing is missing.</summary>
public sealed class ComparisonFigureTests
{
    private const int Side = 160;

    private static Photo Grey => new([.. Enumerable.Repeat((byte)128, 3 * Side * Side)], Side, Side, "test");

    [Fact]
    public void Negative_numbers_are_blue_and_positive_ones_red()
    {
        Canvas figure = Figure(Panel(HeatmapUnit.Relative, (_, y) => y < Side / 2 ? -1 : 1)).Draw();
        (int left, int top) = Find(figure, pixel => pixel.B > pixel.R + 50);
        Assert.True(figure[left, top + Side - 1].R > figure[left, top + Side - 1].B + 50);
        Assert.Equal(Side / 2, Enumerable.Range(top, Side).Count(y => figure[left, y].B > figure[left, y].R));
    }

    [Fact]
    public void Bits_per_pixel_share_one_scale_and_other_maps_have_their_own()
    {
        foreach ((HeatmapUnit unit, bool alike) in ((HeatmapUnit, bool)[])[(HeatmapUnit.BitsPerPixel, false), (HeatmapUnit.Relative, true)])
        {
            ComparisonPanel weak = Panel(unit, (_, _) => 0.1f), strong = Panel(unit, (_, _) => 3);
            Canvas figure = Figure(weak, strong).Draw();
            (int left, int top) = Find(figure, pixel => pixel.R > pixel.G + 5);
            Rgb first = figure[left + 5, top + 5];
            Rgb second = Enumerable.Range(left + Side + 1, Side).Select(x => figure[x, top + 5]).First(pixel => pixel.R > pixel.G + 5);
            Assert.Equal(alike, first == second);
        }
    }

    [Fact]
    public void A_few_outliers_do_not_hide_the_rest_of_a_map()
    {
        Canvas figure = Figure(Panel(HeatmapUnit.Relative, (x, y) => x == 0 && y == 0 ? 1e6f : 1)).Draw();
        (int left, int top) = Find(figure, pixel => pixel.R > pixel.G + 50);
        Assert.Equal(figure[left, top], figure[left + 20, top + 20]);
    }

    [Fact]
    public void Columns_that_do_not_fit_go_on_in_a_further_band()
    {
        ComparisonPanel[] panels = [.. Enumerable.Range(0, 7).Select(_ => Panel(HeatmapUnit.Relative, (_, _) => 1))];
        Canvas wide = (Figure(panels) with { ColumnsPerBand = 8 }).Draw(), narrow = (Figure(panels) with { ColumnsPerBand = 4 }).Draw();
        Assert.True(wide.Width > 8 * Side && narrow.Width is > 4 * Side and < 5 * Side, $"{wide.Width}, {narrow.Width}");
        Assert.True(narrow.Height > wide.Height + Side, $"{wide.Height}, {narrow.Height}");
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    public void A_colour_bar_stands_only_beside_a_band_with_bits_per_pixel(int column, int band)
    {
        // Of four columns side by side the photo takes one: columns 0 to 2 are the first band, column 3 is the second.
        ComparisonPanel[] panels = [.. Enumerable.Range(0, 4).Select(i => Panel(i == column ? HeatmapUnit.BitsPerPixel : HeatmapUnit.Relative, (_, _) => 1))];
        XDocument svg = XDocument.Parse((Figure(panels) with { ColumnsPerBand = 4 }).Svg());

        // A bar is taller than the maps, by the room that the labels of its ends take.
        XElement bar = Assert.Single(Pictures(svg), picture => (int)picture.Attribute("height")! > Side);
        Assert.Equal(band, (int)bar.Attribute("y")! / Side);
    }

    [Fact]
    public void The_SVG_says_what_the_pixels_show_and_holds_every_picture()
    {
        ComparisonPanel bits = Panel(HeatmapUnit.BitsPerPixel, (_, _) => 1), other = Panel(HeatmapUnit.Relative, (_, _) => 1);
        ComparisonFigure figure = Figure(bits, other) with { Footnotes = ["a < b & \"c\""] };
        XDocument svg = XDocument.Parse(figure.Svg());
        string[] texts = [.. svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];
        foreach (string text in (string[])["Image", "column 0", "column 1", "row", "note", "a < b & \"c\""])
            Assert.Contains(text, texts);

        // The photo, two maps and the colour bar.
        XElement[] pictures = [.. Pictures(svg)];
        Assert.Equal(4, pictures.Length);
        Assert.All(pictures, picture =>
        {
            string data = picture.Attributes().Single(a => a.Name.LocalName == "href").Value;
            Assert.StartsWith("data:image/png;base64,", data);
            Assert.Equal((byte)'P', Convert.FromBase64String(data[(data.IndexOf(',') + 1)..])[1]);
        });
        Canvas pixels = figure.Draw();
        Assert.Equal($"{pixels.Width}", svg.Root!.Attribute("width")!.Value);
        Assert.Equal($"{pixels.Height}", svg.Root!.Attribute("height")!.Value);
    }

    [Fact]
    public void Maps_of_another_size_and_missing_panels_are_refused()
    {
        var small = new ComparisonPanel(new Heatmap(2, 2, new float[4], HeatmapUnit.Relative), "");
        Assert.Contains("one size", Assert.Throws<ArgumentException>(() => Figure(small).Draw()).Message);
        Assert.Throws<ArgumentException>(() => new ComparisonFigure(["a", "b"], [new ComparisonRow("row", Grey, [null])]).Draw());
        Assert.Throws<ArgumentException>(() => new ComparisonFigure(["a"], []).Draw());
    }

    [Fact]
    public void A_gap_stays_white_and_what_is_not_finite_is_green()
    {
        Canvas gap = Figure([null]).Draw(), odd = Figure(Panel(HeatmapUnit.Relative, (_, _) => float.NaN)).Draw();
        (int left, int top) = Find(gap, pixel => pixel == Rgb.Grey(128));
        int beside = left + Side + Side / 2;
        Assert.Equal(Rgb.White, gap[beside, top + Side / 2]);
        // Half the photo's middle grey, L* 78 = 193, and half the green of NaN, (0, 150, 60).
        Assert.Equal(new Rgb(97, 172, 127), odd[beside, top + Side / 2]);
    }

    private static IEnumerable<XElement> Pictures(XDocument svg) => svg.Descendants().Where(e => e.Name.LocalName == "image");

    private static ComparisonFigure Figure(params ComparisonPanel?[] panels) =>
        new([.. panels.Select((_, i) => $"column {i}")], [new ComparisonRow("row", Grey, panels)]);

    private static ComparisonPanel Panel(HeatmapUnit unit, Func<int, int, float> value) =>
        new(new Heatmap(Side, Side, [.. Enumerable.Range(0, Side * Side).Select(i => value(i % Side, i / Side))], unit), "note");

    /// <summary>The first pixel of a kind, row by row.</summary>
    private static (int X, int Y) Find(Canvas canvas, Func<Rgb, bool> kind) => Enumerable.Range(0, canvas.Width * canvas.Height)
        .Select(i => (i % canvas.Width, i / canvas.Width)).First(at => kind(canvas[at.Item1, at.Item2]));
}
