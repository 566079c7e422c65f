using System.Numerics;
using System.Xml.Linq;
using CsCheck;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class CurveFigureTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static CurvePanel Panel(params Curve[] curves) => new("panel", new CurveAxis("x"), new CurveAxis("y"), curves);

    private static CurveFigure Figure(params CurvePanel[] panels) => new([panels]);

    private static Curve Level(string name, double y) => new(name, [0, 1], [y, y]);

    private static PanelLayout Layout(CurvePanel panel) => new CurveLayout(Figure(panel)).Panels[0];

    /// <summary>Curves that end anywhere, also at the same place, and names of any length.</summary>
    [Fact]
    public void Names_do_not_overlap_and_stay_on_the_figure()
    {
        Gen<Curve[]> curves = Gen.Select(Gen.Int[1, 40], Gen.Double[-2, 2])
            .Select((length, y) => Level(new string('m', length), Math.Round(y, 1))).Array[1, 40];
        curves.Sample(each =>
        {
            var layout = new CurveLayout(Figure(Panel(each), Panel(each)));
            foreach (PanelLayout panel in layout.Panels)
            {
                Assert.Equal(each.Length, panel.Labels.Count);
                // Positions are some hundred pixels: sums of them are exact to 1e-9.
                foreach ((CurveLabel upper, CurveLabel lower) in panel.Labels.Zip(panel.Labels.Skip(1)))
                    Assert.True(lower.Y - upper.Y >= CurveLayout.SmallLine - 1e-9);
                Assert.All(panel.Labels, label => Assert.InRange(label.Y, panel.Top - 1e-9, panel.Bottom + 1e-9));
                double start = panel.Right + CurveLayout.Leader + CurveLayout.Swatch + CurveLayout.Gap;
                double next = panel == layout.Panels[^1] ? layout.Width : layout.Panels[1].Left - layout.Panels[1].Before;
                Assert.All(panel.Labels, label => Assert.True(start + StrokeFont.Width(label.Text, CurveLayout.Small) <= next));
            }
        }, iter: 100);
    }

    [Theory]
    [InlineData("10 50 90", "10 50 90")]
    [InlineData("50 50", "40 60")]
    [InlineData("50 50 90", "40 60 90")]
    [InlineData("0 0 5", "0 20 40")]
    [InlineData("98 99 100", "60 80 100")]
    // Two blocks that join: 30 and 34 become 22 and 42, which 44 is too close to.
    [InlineData("30 34 44", "16 36 56")]
    public void Names_move_as_little_as_they_must(string wanted, string placed) =>
        Assert.Equal(placed, string.Join(' ', PanelLayout.Apart([.. wanted.Split(' ').Select(double.Parse)], 20, 0, 100)));

    [Fact]
    public void A_line_leads_to_a_name_whose_curve_ends_alone()
    {
        PanelLayout panel = Layout(Panel(Level("a", 0), Level("b", 1), Level("c", 1)));
        Assert.Equal(["b null", "c null", $"a {panel.Bottom}"], panel.Labels.Select(label => $"{label.Text} {(label.End is { } end ? $"{end}" : "null")}"));
    }

    [Fact]
    public void A_curve_without_a_value_is_named_as_undefined() =>
        Assert.Contains("nothing: undefined", Layout(Panel(Level("a", 0), Level("nothing", double.NaN))).Labels.Select(label => label.Text));

    [Fact]
    public void A_panel_without_values_has_its_axes()
    {
        PanelLayout panel = Layout(Panel(new Curve("a", [1, 2], [double.NaN, double.NaN])) with { X = new CurveAxis("n") { Logarithmic = true } });
        Assert.Equal(["1", "2"], panel.TicksX.Select(tick => tick.Label));
        Assert.Equal("0.0 0.2 0.4 0.6 0.8 1.0", string.Join(' ', panel.TicksY.Select(tick => tick.Label)));
    }

    [Theory]
    [InlineData(0, 1, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(-0.07, 0.61, "−0.1 0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7")]
    [InlineData(0, 0.004, "0.0000 0.0005 0.0010 0.0015 0.0020 0.0025 0.0030 0.0035 0.0040")]
    public void A_vertical_axis_ends_at_round_numbers(double low, double high, string labels)
    {
        PanelLayout panel = Layout(Panel(Level("a", low), Level("b", high)));
        Assert.Equal(labels, string.Join(' ', panel.TicksY.Select(tick => tick.Label)));
        Assert.Equal((panel.Bottom, panel.Top), (panel.TicksY[0].At, panel.TicksY[^1].At));
    }

    [Theory]
    [InlineData(1, 40141, "1 10 100 1000 10000")]
    [InlineData(64, 40128, "100 1000 10000")]
    [InlineData(1, 8, "1 2 5")]
    [InlineData(3, 4, "3 4")]
    [InlineData(100, 3e7, "100 1000 10000 100000 1e6 1e7")]
    public void A_logarithmic_axis_has_ticks_at_powers_of_ten(double low, double high, string labels)
    {
        PanelLayout panel = Layout(Panel(new Curve("a", [low, Math.Sqrt(low * high), high], [0, 1, 2])) with { X = new CurveAxis("n") { Logarithmic = true } });
        Assert.Equal(labels, string.Join(' ', panel.TicksX.Select(tick => tick.Label)));
        // The geometric mean is in the middle; the logarithms are doubles, and the positions some hundred pixels.
        Assert.Equal((panel.Left + panel.Right) / 2, panel.X(Math.Sqrt(low * high)), 1e-9);
    }

    [Fact]
    public void Ticks_with_long_names_are_written_upwards()
    {
        Tick[] ticks = [.. Enumerable.Range(0, 18).Select(i => new Tick(i, $"layer4.{i}"))];
        Curve curve = new("a", [.. ticks.Select(tick => tick.Value)], [.. ticks.Select(tick => tick.Value)]);
        CurvePanel named = Panel(curve) with { X = new CurveAxis("layer") { Ticks = ticks } };
        Assert.Equal([false, true, true], new CurveLayout(Figure(Panel(curve), named, named)).Panels.Select(panel => panel.TurnsTicks));
    }

    [Fact]
    public void A_value_is_drawn_at_its_place()
    {
        CurveFigure figure = Figure(Panel(Level("a", 0.25) with { Emphasised = true }) with { Y = new CurveAxis("y") { Low = 0, High = 1 } });
        PanelLayout panel = new CurveLayout(figure).Panels[0];
        Canvas canvas = figure.Draw();
        double middle = (panel.Left + panel.Right) / 2, at = panel.Bottom - 0.25 * (panel.Bottom - panel.Top);
        Assert.Equal(at, panel.Y(0.25), 1e-9);
        Assert.Equal(new Rgb(0, 114, 178), canvas[(int)middle + 3, (int)Math.Round(at)]);
        Assert.Equal(Rgb.White, canvas[(int)middle + 3, (int)at - 5]);
        Assert.Equal(Rgb.White, canvas[(int)middle + 3, (int)at + 5]);
    }

    [Fact]
    public void Nothing_is_drawn_beyond_the_ends_of_an_axis()
    {
        Curve wild = new("a", [0, 1, 2, 3, 4], [0.2, 5, -3, 0.3, 0.1]) { Low = [0, 3, -9, 0, 0], High = [1, 9, -1, 1, 1] };
        PanelLayout panel = Layout(Panel(wild) with { X = new CurveAxis("x") { High = 3 }, Y = new CurveAxis("y") { Low = 0, High = 0.4 } });
        foreach (Vector2 point in panel.Lines(wild).Concat(panel.Bands(wild)).SelectMany(points => points))
        {
            // A float of some hundred pixels is exact to 1e-4.
            Assert.InRange(point.X, panel.Left - 1e-3, panel.Right + 1e-3);
            Assert.InRange(point.Y, panel.Top - 1e-3, panel.Bottom + 1e-3);
        }
        // Up and out, down through the whole panel, and back in from below.
        Assert.Equal([2, 2, 2], panel.Lines(wild).Select(line => line.Length));
    }

    [Fact]
    public void An_undefined_value_leaves_a_gap() =>
        Assert.Equal([2, 1], Layout(Panel(Level("b", 1), new Curve("a", [0, 1, 2, 3], [0, 0, double.NaN, 0])))
            .Lines(new Curve("a", [0, 1, 2, 3], [0, 0, double.NaN, 0])).Select(line => line.Length));

    [Fact]
    public void Every_curve_of_many_looks_different()
    {
        XElement figure = XDocument.Parse(Figure(Panel([.. Enumerable.Range(0, 32).Select(i => Level($"{i}", i))])).Svg()).Root!;
        string[] styles = [.. figure.Elements(Svg + "polyline").Where(line => (string)line.Attribute("stroke-width")! == "1.8")
            .Select(line => $"{line.Attribute("stroke")!.Value} {(string?)line.Attribute("stroke-dasharray")}")];
        // Each is drawn twice: in the panel and beside its name.
        Assert.Equal(64, styles.Length);
        Assert.Equal(32, styles.Distinct().Count());
    }

    [Fact]
    public void A_curve_has_one_colour_in_all_panels()
    {
        string svg = Figure(Panel(Level("a", 0), Level("b", 1)) with { Named = false }, Panel(Level("b", 1))).Svg();
        // b: a curve in both panels, and a name in one.
        Assert.Equal(3, XDocument.Parse(svg).Root!.Elements(Svg + "polyline").Count(line => (string)line.Attribute("stroke")! == "#d55e00"
            && (string)line.Attribute("stroke-width")! == "1.8"));
    }

    [Fact]
    public void The_SVG_is_well_formed_for_every_text_and_equal_for_equal_figures()
    {
        string text = "<&>\"' ]]> \u0000\u001b β " + (char)0xD800;
        CurveFigure Named() => new([[new CurvePanel(text, new CurveAxis(text), new CurveAxis(text), [Level(text, 1)])]]) { Title = text, Footnotes = [text] };
        string svg = Named().Svg();
        XElement read = XDocument.Parse(svg).Root!;
        Assert.Contains("<&>\"' ]]> \uFFFD\uFFFD β \uFFFD", read.Elements(Svg + "g").Select(element => (string)element.Attribute("aria-label")!));
        Assert.Equal(svg, Named().Svg());
        Canvas drawn = Named().Draw();
        Assert.Equal(((int)read.Attribute("width")!, (int)read.Attribute("height")!), (drawn.Width, drawn.Height));
    }

    /// <summary>Text in the SVG is as wide as the layout expects, whatever fonts the viewer has.</summary>
    [Fact]
    public void The_SVG_needs_no_font()
    {
        XElement figure = XDocument.Parse(Figure(Panel(Level("IBA Per-Sample (β = 10)", 1) with { Emphasised = true })).Svg()).Root!;
        Assert.Empty(figure.Descendants(Svg + "text"));
        XNamespace link = "http://www.w3.org/1999/xlink";
        string[] glyphs = [.. figure.Descendants(Svg + "path").Select(path => $"#{path.Attribute("id")!.Value}")];
        string[] used = [.. figure.Descendants(Svg + "use").Select(use => use.Attribute(link + "href")!.Value).Distinct()];
        // A blank has no path to use.
        Assert.Equal(used.Order(), glyphs.Where(glyph => glyph != "#c32").Order());
        XElement name = figure.Elements(Svg + "g").Single(text => text.Attribute("aria-label")!.Value.StartsWith("IBA"));
        double last = name.Elements(Svg + "use").Max(use => (double)use.Attribute("x")!);
        Assert.InRange(StrokeFont.Width("IBA Per-Sample (β = 10)", 20, FontWeight.Bold) - last, 0, StrokeFont.Width(")", 20, FontWeight.Bold));
    }

    [Fact]
    public void A_panel_that_cannot_be_drawn_is_refused_by_name()
    {
        Assert.Contains("above 0", Assert.Throws<ArgumentException>(
            () => Figure(Panel(Level("a", 0)) with { X = new CurveAxis("n") { Logarithmic = true } }).Svg()).Message);
        Assert.Contains("the curve a has 2 positions", Assert.Throws<ArgumentException>(() => Figure(Panel(new Curve("a", [0, 1], [0]))).Svg()).Message);
    }
}
