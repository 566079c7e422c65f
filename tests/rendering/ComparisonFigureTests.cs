using System.Xml.Linq;
using Iba;
using Iba.Images;
using Iba.Rendering;
using Tests.Textbook;
using Xunit;

namespace Tests.Rendering;

public class ComparisonFigureTests
{
    private const int Side = 16;

    private static readonly Photo Photo = new([.. Enumerable.Range(0, 3 * Side * Side).Select(i => (byte)(i * 7 % 251))], Side, Side, "test");

    private static Heatmap Map(HeatmapUnit unit) => new(Side, Side, [.. Enumerable.Range(0, Side * Side).Select(i => (float)i)], unit);

    private static ComparisonFigure Figure(string text) =>
        new([text], [new ComparisonRow(text, Photo, [new ComparisonPanel(Map(HeatmapUnit.BitsPerPixel), text)])]) { Title = text, Footnotes = [text] };

    [Fact]
    public void The_SVG_is_well_formed_for_every_UTF16_unit_in_every_text()
    {
        for (int first = 0; first <= char.MaxValue; first += 4096)
        {
            // In order, a high surrogate never meets a low one but at 0xDBFF 0xDC00: all others are alone.
            XDocument read = XDocument.Parse(Figure(new string([.. Enumerable.Range(first, 4096).Select(unit => (char)unit)])).Svg());
            Assert.DoesNotContain(read.Root!.Value, unit => char.IsControl(unit) && unit != '\n');
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Panels_have_the_colours_of_the_bar_whatever_the_photo(bool alone)
    {
        // 16 pixels become 160, with text of 18 pixels per em: margins of 18, a title of 29 and gaps of 10.
        const int Panel = 160, Left = 18 + 29 + 170, Top = 9 + 29;
        Heatmap constant = new(Side, Side, [.. Enumerable.Repeat(0.5f, Side * Side)], HeatmapUnit.BitsPerPixel);
        Heatmap strongest = constant with { Values = [.. Enumerable.Repeat(1f, Side * Side)] };
        Canvas canvas = new ComparisonFigure(
            ["half", "all"], [new ComparisonRow("photo", Photo, [new ComparisonPanel(constant, ""), new ComparisonPanel(strongest, "")])])
        { MapOnly = alone }.Draw();
        foreach ((double value, int left) in new[] { (0.5, Left), (1, Left + 170) })
        {
            Lab bar = ColourTextbook.ToLab(Colormap.Sequential[value]);
            for (int i = 0; i < Panel * Panel; i++)
            {
                Rgb drawn = canvas[left + i % Panel, Top + i / Panel];
                Lab seen = ColourTextbook.ToLab(drawn);
                Assert.InRange(Math.Abs(seen.L - bar.L), 0, 6);
                Assert.InRange(ColourTextbook.Ciede2000(seen, bar), 0, 7);
                Assert.True(!alone || drawn == Colormap.Sequential[value]);
            }
        }
    }

    [Fact]
    public void What_exceeds_a_given_end_of_the_scale_has_the_colour_of_the_end()
    {
        Heatmap Level(float value) => new(Side, Side, [.. Enumerable.Repeat(value, Side * Side)], HeatmapUnit.BitsPerPixel);
        ComparisonPanel[] panels = [new(Level(8), ""), new(Level(2), ""), new(Level(1), "")];
        Canvas canvas = new ComparisonFigure(["a", "b", "c"], [new ComparisonRow("photo", Photo, panels)]) { MapOnly = true, EndOfBits = 2 }.Draw();
        // The positions are those above.
        Rgb[] drawn = [.. Enumerable.Range(0, 3).Select(panel => canvas[18 + 29 + 170 * (panel + 1) + 80, 9 + 29 + 80])];
        Assert.Equal([Colormap.Sequential[1], Colormap.Sequential[1], Colormap.Sequential[0.5]], drawn);
    }

    [Theory]
    [InlineData("a\u001b[31mb\u0000", "a\uFFFD[31mb\uFFFD")]
    [InlineData("\u0085\u009b\u007f", "\uFFFD\uFFFD\uFFFD")]
    [InlineData("\uFFFE\uFFFF\uFDD0", "\uFFFD\uFFFD\uFFFD")]
    [InlineData("\U0001FFFE\U0010FFFF", "\uFFFD\uFFFD")]
    [InlineData("abc\u202Egnp", "abc\uFFFDgnp")]
    [InlineData("a\u200Bb\uFEFF", "a\uFFFDb\uFFFD")]
    [InlineData("one\r\ntwo\tthree", "one  two three")]
    [InlineData("<&>\"' ]]>", "<&>\"' ]]>")]
    [InlineData("Gänse 🦢 λ", "Gänse 🦢 λ")]
    public void A_title_in_the_SVG_is_its_text_without_what_no_text_holds(string title, string read)
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        Assert.Equal(read, XDocument.Parse(Figure(title).Svg()).Root!.Element(svg + "title")!.Value);
    }

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character() =>
        Assert.Contains("<title>a\uFFFDb</title>", Figure("a" + (char)0xD800 + "b").Svg(), StringComparison.Ordinal);
}
