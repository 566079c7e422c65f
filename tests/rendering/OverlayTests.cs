using Iba.Images;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class OverlayTests
{
    // 448 pixels are not enlarged, and text of 16 pixels per em leaves a margin of 16.
    private const int Side = 448, Margin = 16;

    private static readonly Caption Full = new() { ClassName = "Egyptian cat", Probability = 0.873, TotalBits = 1873, Layer = "layer2", β = 10 };

    private static Photo Photo(int width, int height) =>
        new([.. Enumerable.Range(0, 3 * width * height).Select(i => (byte)(i * 7 % 251))], width, height, "test");

    private static double[] Ramp(int count, double from, double to) => [.. Enumerable.Range(0, count).Select(i => from + (to - from) * i / (count - 1))];

    private static Rgb Blend(Photo photo, int x, int y, Rgb colour, double share)
    {
        int at = 3 * (y * photo.Width + x);
        double grey = Math.Floor(0.2125 * photo.Pixels[at] + 0.7154 * photo.Pixels[at + 1] + 0.0721 * photo.Pixels[at + 2] + 0.5);
        byte Mix(byte over) => (byte)Math.Floor(grey + (over - grey) * share + 0.5);
        return new(Mix(colour.R), Mix(colour.G), Mix(colour.B));
    }

    [Fact]
    public void Pixels_are_grey_photo_under_the_upper_half_of_seismic()
    {
        Photo photo = Photo(Side, Side);
        double[] map = Ramp(Side * Side, 0, 0.4);
        Canvas canvas = new Overlay(photo, map, Side, Side).Draw();
        for (int i = 0; i < map.Length; i += 97)
        {
            double norm = map[i] / 0.4;
            Rgb expected = Blend(photo, i % Side, i / Side, Colormap.SeismicUpperHalf[norm], 0.2 + 0.5 * norm);
            Assert.Equal(expected, canvas[Margin + i % Side, Margin + i / Side]);
        }
    }

    [Fact]
    public void A_map_with_negative_values_is_drawn_symmetrically()
    {
        Photo photo = Photo(Side, Side);
        double[] map = Ramp(Side * Side, -1, 3);
        Canvas canvas = new Overlay(photo, map, Side, Side).Draw();
        for (int i = 0; i < map.Length; i += 97)
        {
            double place = (map[i] + 3) / 6;
            Rgb expected = Blend(photo, i % Side, i / Side, Colormap.Seismic[place], 0.2 + 0.5 * Math.Abs(map[i]) / 3);
            Assert.Equal(expected, canvas[Margin + i % Side, Margin + i / Side]);
        }
    }

    [Fact]
    public void With_a_shared_scale_equal_values_have_equal_colours()
    {
        Photo photo = Photo(Side, Side);
        double[] weak = Ramp(Side * Side, 0, 0.1), strong = [.. weak];
        strong[0] = 5;
        Canvas a = new Overlay(photo, weak, Side, Side) { Max = 0.2 }.Draw(), b = new Overlay(photo, strong, Side, Side) { Max = 0.2 }.Draw();
        Assert.Equal(Picture(a)[3..], Picture(b)[3..]);
        // What lies above the scale has its last colour, and the bar ends in a point.
        Assert.Equal(Blend(photo, 0, 0, Colormap.SeismicUpperHalf[1], 0.7), b[Margin, Margin]);
        Assert.NotEqual(a.Pixels, b.Pixels);
        int corner = Margin + Side + Margin + 2;
        Assert.Equal((true, false), (b[corner, Margin + 1] == Rgb.White, a[corner, Margin + 1] == Rgb.White));
    }

    [Fact]
    public void Outside_of_its_window_the_photo_is_plain_grey()
    {
        Photo photo = Photo(Side, Side);
        Canvas canvas = new Overlay(photo, Ramp(100, 0.5, 1), 10, 10) { Window = new PhotoWindow(100, 50, 300, 300) }.Draw();
        foreach ((int x, int y) in new[] { (50, 20), (250, 40), (98, 200), (430, 400) })
            Assert.Equal(Blend(photo, x, y, Rgb.White, 0), canvas[Margin + x, Margin + y]);
        // Inside, all is tinted: red and blue part.
        Assert.NotEqual(canvas[Margin + 250, Margin + 200].R, canvas[Margin + 250, Margin + 200].B);
    }

    [Fact]
    public void Maps_without_information_say_so()
    {
        Photo photo = Photo(Side, Side);
        double[] something = Ramp(16, 0, 1), zero = new double[16];
        double[] nan = [.. zero.Select(_ => double.NaN)], hole = [.. something[..15], double.PositiveInfinity];
        int LinesBelow(double[] map, bool? signed = null) =>
            (new Overlay(photo, map, 4, 4) { Signed = signed }.Draw().Height - Side - 2 * Margin) / Margin;
        Assert.Equal(0, LinesBelow(something));
        Assert.True(LinesBelow(zero) > 0);
        Assert.True(LinesBelow(nan) > 0);
        Assert.True(LinesBelow(hole) > 0);
        Assert.True(LinesBelow(Ramp(16, -1, 1), signed: false) > 0);
        // NaN is green, a colour that no value has.
        Rgb pixel = new Overlay(photo, nan, 4, 4).Draw()[Margin + 100, Margin + 100];
        Assert.True(pixel.G > pixel.R && pixel.G > pixel.B, $"{pixel} is not green");
    }

    [Theory]
    [InlineData(1, 1), InlineData(96, 96), InlineData(224, 224), InlineData(500, 375)]
    [InlineData(1200, 30), InlineData(20, 900), InlineData(1600, 1200)]
    public void Nothing_touches_the_edge_or_the_picture(int width, int height)
    {
        Photo photo = Photo(width, height);
        var plain = new Overlay(photo, Ramp(16, 0, 123456789.0), 4, 4) { Unit = "a unit with an uncommonly long name per pixel and image" };
        Overlay texts = plain with
        {
            Caption = Full with
            {
                ClassName = $"{new string('W', 200)} and then some words",
                More = ["first line\nsecond line", "", "settings · " + string.Concat(Enumerable.Repeat("σ = 1 ", 40))],
            },
        };
        Canvas without = plain.Draw(), with = texts.Draw();
        foreach (Canvas canvas in new[] { without, with })
        {
            // Half of the margin stays white all round.
            int free = Math.Max(14, 2 * (int)Math.Round(Math.Sqrt(width * height) / 56)) / 2;
            for (int y = 0; y < canvas.Height; y++)
            {
                for (int x = 0; x < canvas.Width; x++)
                {
                    if (x < free || y < free || x >= canvas.Width - free || y >= canvas.Height - free)
                        Assert.True(canvas[x, y] == Rgb.White, $"({x}, {y}) of {canvas.Width} x {canvas.Height} is not white");
                }
            }
        }
        // The caption adds rows below and changes none above.
        Assert.Equal(without.Width, with.Width);
        int shared = without.Width * 3 * (without.Height - Margin);
        Assert.Equal(without.Pixels[..shared], with.Pixels[..shared]);
    }

    [Fact]
    public void Small_pictures_are_enlarged_by_whole_factors()
    {
        Canvas canvas = new Overlay(Photo(100, 60), Ramp(16, 0, 1), 4, 4).Draw();
        Assert.True(canvas.Width > 500 && canvas.Height > 300, $"{canvas.Width} x {canvas.Height}");
    }

    [Theory, InlineData(0), InlineData(-1), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void A_scale_without_extent_is_refused(double max) =>
        Assert.Throws<ArgumentException>(() => new Overlay(Photo(8, 8), new double[4], 2, 2) { Max = max }.Draw());

    [Fact]
    public void Captions_leave_out_what_is_unknown()
    {
        Assert.Equal("Egyptian cat, p = 0.873", Full.Title);
        Assert.Equal(["1873 bits in total · layer2 · β = 10/k"], Full.Lines);
        Assert.Null(new Caption().Title);
        Assert.Empty(new Caption().Lines);
        Assert.Equal("p = 1.000", new Caption { Probability = 1 }.Title);
        Assert.Equal(["grad-cam", "more"], new Caption { Method = "grad-cam", More = ["more"] }.Lines);
        Assert.InRange(new Caption { ClassName = new string('x', 100_000) }.Title!.Length, 1, 300);
    }

    private static byte[] Picture(Canvas canvas) =>
        [.. Enumerable.Range(Margin, Side).SelectMany(y => canvas.Pixels.Skip(3 * (y * canvas.Width + Margin)).Take(3 * Side))];
}
