using Iba.Images;
using Iba.Rendering;
using Tests.Textbook;
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

    private static Photo Plain(Rgb colour) =>
        new([.. Enumerable.Range(0, Side * Side).SelectMany(_ => (byte[])[colour.R, colour.G, colour.B])], Side, Side, "plain");

    /// <summary>A photograph of a cat, nearly black to nearly white.</summary>
    private static Photo Cat()
    {
        Photo cat = PhotoFile.Read(Golden.Path("preprocessing/progressive.jpg"));
        return new Photo(PillowResize.Bilinear(cat.Pixels, cat.Width, cat.Height, 3, Side, Side), Side, Side, "cat");
    }

    public static TheoryData<string> Photos => ["cat", "black", "white", "red", "green", "blue", "cyan", "magenta", "yellow", "grey"];

    private static Photo Named(string photo) => photo == "cat" ? Cat() : Plain(photo switch
    {
        "black" => default,
        "white" => Rgb.White,
        "red" => new Rgb(255, 0, 0),
        "green" => new Rgb(0, 255, 0),
        "blue" => new Rgb(0, 0, 255),
        "cyan" => new Rgb(0, 255, 255),
        "magenta" => new Rgb(255, 0, 255),
        "yellow" => new Rgb(255, 255, 0),
        _ => Rgb.Grey(128),
    });

    /// <summary>The middle of the bar at a place; the outline covers its first and last row.</summary>
    private static Rgb OnBar(Canvas canvas, double place, int across = 8) =>
        canvas[Margin + Side + Margin + across, Margin + Math.Clamp((int)((1 - place) * Side), 2, Side - 3)];

    [Theory, MemberData(nameof(Photos))]
    public void A_colour_over_any_photo_is_the_bars_but_for_a_little_lightness(string name)
    {
        Photo photo = Named(name);
        foreach (double value in (double[])[0.25, 0.5, 0.75, 1, -0.25, -0.5, -0.75, -1])
        {
            foreach (bool signed in value < 0 ? (bool[])[true] : [true, false])
            {
                double[] map = [value, value, value, value];
                Canvas canvas = new Overlay(photo, map, 2, 2) { Max = 1, Signed = signed }.Draw();
                Lab bar = ColourTextbook.ToLab(OnBar(canvas, signed ? (value + 1) / 2 : value));
                foreach (Rgb drawn in Colours(canvas))
                {
                    Lab seen = ColourTextbook.ToLab(drawn);
                    Assert.InRange(Math.Abs(seen.L - bar.L), 0, 6);
                    Assert.InRange(ColourTextbook.Ciede2000(seen, bar), 0, 7);
                }
            }
        }
    }

    [Fact]
    public void Where_the_map_is_0_the_photo_is_seen_in_grey_and_the_foot_of_the_bar_shows_its_range()
    {
        Photo photo = Cat();
        double[] map = [0, 0, 0, 0];
        Canvas canvas = new Overlay(photo, map, 2, 2) { Max = 1 }.Draw();
        Lab[] seen = [.. Colours(canvas).Select(ColourTextbook.ToLab)];
        Assert.All(seen, colour => Assert.InRange(Math.Sqrt(colour.A * colour.A + colour.B * colour.B), 0, 1));
        double darkest = seen.Min(colour => colour.L), lightest = seen.Max(colour => colour.L);
        Assert.InRange(lightest - darkest, 30, 100);
        // Pixels that are darker in the photo are not lighter in the picture.
        int[] luma = [.. Enumerable.Range(0, Side * Side).Select(i =>
            (int)(0.2125 * photo.Pixels[3 * i] + 0.7154 * photo.Pixels[3 * i + 1] + 0.0721 * photo.Pixels[3 * i + 2] + 0.5))];
        int[] grey = [.. Enumerable.Range(0, Side * Side).Select(i => (int)canvas[Margin + i % Side, Margin + i / Side].G)];
        var byLuma = luma.Zip(grey).GroupBy(pair => pair.First, pair => pair.Second).OrderBy(group => group.Key).ToArray();
        for (int i = 1; i < byLuma.Length; i++)
            Assert.True(byLuma[i].Min() >= byLuma[i - 1].Max());
        // 17 columns wide; from the smallest lightness range, 5, upwards, the bar runs from the darkest to the lightest.
        Assert.Equal(darkest + 5, ColourTextbook.ToLab(OnBar(canvas, 0, 1)).L, 3.0);
        Assert.Equal(lightest - 5, ColourTextbook.ToLab(OnBar(canvas, 0, 16)).L, 3.0);
        Assert.Equal(OnBar(canvas, 0.5, 1), OnBar(canvas, 0.5, 16));
    }

    [Theory, InlineData(0), InlineData(200)]
    public void A_photo_of_few_tones_is_spread_over_all_that_0_leaves_it(int darkest)
    {
        Photo night = new([.. Cat().Pixels.Select(level => (byte)(darkest + level * 55 / 255))], Side, Side, "night");
        double[] map = [0, 0, 0, 0];
        Lab[] seen = [.. Colours(new Overlay(night, map, 2, 2) { Max = 1 }.Draw()).Select(ColourTextbook.ToLab)];
        // Unchanged, 55 of 255 levels would be 8 of the 36 units of L* between black and white.
        Assert.InRange(seen.Max(colour => colour.L) - seen.Min(colour => colour.L), 20, 36);
    }

    [Fact]
    public void The_map_alone_has_exactly_the_colours_of_the_bar()
    {
        double[] map = Ramp(Side * Side, -1, 3);
        Canvas canvas = new Overlay(Cat(), map, Side, Side) { MapOnly = true }.Draw();
        for (int i = 0; i < map.Length; i += 97)
            Assert.Equal(Colormap.Diverging[(map[i] + 3) / 6], canvas[Margin + i % Side, Margin + i / Side]);
        for (int y = 2; y < Side - 2; y++)
            Assert.Equal(Colormap.Diverging[1 - (y + 0.5) / Side], canvas[Margin + Side + Margin + 8, Margin + y]);
    }

    /// <summary>The colours of the picture, each once.</summary>
    private static IEnumerable<Rgb> Colours(Canvas canvas) =>
        Enumerable.Range(0, Side * Side).Select(i => canvas[Margin + i % Side, Margin + i / Side]).Distinct();

    [Fact]
    public void With_a_shared_scale_equal_values_have_equal_colours()
    {
        Photo photo = Photo(Side, Side);
        double[] weak = Ramp(Side * Side, 0, 0.1), strong = [.. weak];
        strong[0] = 5;
        Canvas a = new Overlay(photo, weak, Side, Side) { Max = 0.2 }.Draw(), b = new Overlay(photo, strong, Side, Side) { Max = 0.2 }.Draw();
        Assert.Equal(Picture(a)[3..], Picture(b)[3..]);
        // Values above the scale have its last colour, and the bar ends in a point.
        Assert.Contains(b[Margin, Margin], Enumerable.Range(0, 256).Select(tone => Colormap.Sequential.Over(1, (byte)tone)));
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
            Assert.Contains(canvas[Margin + x, Margin + y], Enumerable.Range(0, 256).Select(tone => Colormap.Photo((byte)tone)));
        // Inside the map every pixel is tinted: red and blue differ.
        Assert.NotEqual(canvas[Margin + 250, Margin + 200].R, canvas[Margin + 250, Margin + 200].B);
    }

    [Fact]
    public void Maps_without_information_say_so()
    {
        Photo photo = Photo(Side, Side);
        double[] something = Ramp(16, 0, 1), zero = new double[16];
        double[] nan = [.. zero.Select(_ => double.NaN)], hole = [.. something[..15], double.PositiveInfinity];
        int LinesBelow(double[] map, bool? signed = null) =>
            (new Overlay(photo, map, 4, 4) { Signed = signed, MapOnly = true }.Draw().Height - Side - 2 * Margin) / Margin;
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
        // The caption adds rows below the picture and changes none beside it.
        Assert.Equal(without.Width, with.Width);
        int picture = height * Math.Max(1, (Side + Math.Max(width, height) - 1) / Math.Max(width, height));
        int shared = without.Width * 3 * (Margin + picture);
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
