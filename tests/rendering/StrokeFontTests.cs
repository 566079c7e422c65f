using CsCheck;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class StrokeFontTests
{
    private const string Promised = "°·×–−αβλσ";

    private static readonly string Ascii = string.Concat(Enumerable.Range(32, 95).Select(c => (char)c));

    private static readonly Gen<string> Texts = Gen.Int[0, Ascii.Length + Promised.Length - 1].Array[1, 60].Select(
        places => string.Concat(places.Select(place => (Ascii + Promised)[place])));

    private static readonly Gen<FontWeight> Weights = Gen.Bool.Select(bold => bold ? FontWeight.Bold : FontWeight.Regular);

    [Fact]
    public void Every_promised_character_has_a_shape_of_its_own()
    {
        var shapes = (Ascii + Promised).ToDictionary(c => c, c => Pixels(c.ToString()));
        byte[] box = Pixels("☃");
        Assert.All(shapes, shape => Assert.NotEqual(box, shape.Value));
        foreach ((char a, byte[] shape) in shapes)
            Assert.All(shapes.Where(b => b.Key > a), b => Assert.False(shape.AsSpan().SequenceEqual(b.Value), $"{a} looks like {b.Key}"));
    }

    [Fact]
    public void Text_never_leaves_its_box() =>
        Gen.Select(Texts, Gen.Double[6, 60], Weights, Gen.Bool).Sample((text, size, weight, up) =>
        {
            // The box: width by ascent and descent, with one pixel for the anti-aliased edge and the snapped baseline.
            int width = (int)Math.Ceiling(StrokeFont.Width(text, size, weight)) + 2;
            int above = (int)Math.Ceiling(StrokeFont.Ascent * size) + 1, height = above + (int)Math.Ceiling(StrokeFont.Descent * size) + 1;
            const int Margin = 20;
            (int w, int h) = up ? (height, width) : (width, height);
            var canvas = new Canvas(w + 2 * Margin, h + 2 * Margin, Rgb.White);
            if (up)
                canvas.Text(text, Margin + above, Margin + width - 1, size, Rgb.Grey(0), weight, TextDirection.Up);
            else
                canvas.Text(text, Margin + 1, Margin + above, size, Rgb.Grey(0), weight);
            for (int y = 0; y < canvas.Height; y++)
            {
                for (int x = 0; x < canvas.Width; x++)
                {
                    if (x < Margin || x >= Margin + w || y < Margin || y >= Margin + h)
                        Assert.True(canvas[x, y] == Rgb.White, $"\"{text}\" at {size} reaches ({x - Margin}, {y - Margin}), outside of {w} x {h}");
                }
            }
        }, iter: 300);

    [Fact]
    public void Upward_text_is_the_rotated_text()
    {
        const int Size = 100;
        Canvas right = new(Size, Size, Rgb.White), up = new(Size, Size, Rgb.White);
        right.Text("Rf7", 20, 60, 24, Rgb.Grey(0));
        up.Text("Rf7", 60, Size - 20, 24, Rgb.Grey(0), direction: TextDirection.Up);
        for (int y = 0; y < Size; y++)
        {
            for (int x = 0; x < Size; x++)
                Assert.InRange(up[y, Size - 1 - x].R, right[x, y].R - 1, right[x, y].R + 1);
        }
    }

    [Fact]
    public void Wrapped_lines_fit_and_lose_nothing_but_blanks() =>
        Gen.Select(Texts, Gen.Double[10, 40], Gen.Double[60, 400], Weights).Sample((text, size, width, weight) =>
        {
            IReadOnlyList<string> lines = StrokeFont.Wrap(text, size, width, weight);
            Assert.All(lines, line => Assert.InRange(StrokeFont.Width(line, size, weight), 0, width));
            Assert.Equal(text.Replace(" ", ""), string.Concat(lines).Replace(" ", ""));
        }, iter: 300);

    /// <summary>Widths at which rounding matters: the exact widths of the text's prefixes, at which the prefix fits into one line.</summary>
    [Fact]
    public void A_line_may_be_exactly_as_wide_as_there_is_room()
    {
        const string Text = "dLBλλAO[F642,PiWS#<7α=Cv*~8y";
        for (int size = 10; size <= 40; size++)
        {
            for (int length = 1; length < Text.Length; length++)
                Assert.Equal(Text[..length], StrokeFont.Wrap(Text, size, StrokeFont.Width(Text[..length], size))[0]);
        }
    }

    [Fact]
    public void Lines_break_at_blanks_where_they_can()
    {
        double width = StrokeFont.Width("golden retriever", 16);
        Assert.Equal(["golden retriever", "puppy"], StrokeFont.Wrap("golden retriever puppy", 16, width + 0.01));
        Assert.Equal(["golden", "retriever", "puppy"], StrokeFont.Wrap("golden retriever puppy", 16, StrokeFont.Width("retriever", 16) + 0.01));
        Assert.Equal(["one", "two"], StrokeFont.Wrap("one\r\ntwo", 16, 1000));
    }

    private static byte[] Pixels(string text)
    {
        var canvas = new Canvas(60, 60, Rgb.White);
        canvas.Text(text, 10, 40, 30, Rgb.Grey(0));
        return canvas.Pixels;
    }
}
