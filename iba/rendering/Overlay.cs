using Iba.Images;

namespace Iba.Rendering;

/// <summary>
/// A map over its photo: the photo in grey, the map over it in the colours of <see cref="Colormap"/>, a colour bar with the unit, and a caption.
/// Small photos are enlarged by integer factors until text beside them is readable.
/// </summary>
/// <param name="Photo">The crop that the network saw, or the whole photo.</param>
/// <param name="Map">h x w values, row by row.</param>
/// <param name="MapHeight">h.</param>
/// <param name="MapWidth">w.</param>
public sealed record Overlay(Photo Photo, ReadOnlyMemory<double> Map, int MapHeight, int MapWidth)
{
    /// <summary>The part of the photo that the map covers; null when that is all of it.</summary>
    public PhotoWindow? Window { get; init; }

    /// <summary>Whether the map is drawn alone, in exactly the colours of the bar; the photo then only gives the size.</summary>
    public bool MapOnly { get; init; }

    /// <summary>How the map is extended at its border for interpolation.</summary>
    public MapBorder Border { get; init; }

    /// <summary>The unit of the map's values.</summary>
    public string Unit { get; init; } = "bits / pixel";

    /// <summary>The value of the strongest colour, to share one scale between pictures; null takes the map's own.</summary>
    public double? Max { get; init; }

    /// <summary>Whether the scale is symmetrical about 0; null decides by whether the map has values below 0.</summary>
    public bool? Signed { get; init; }

    /// <summary>The text below the picture.</summary>
    public Caption Caption { get; init; } = new();

    // Minimum of the picture's longer side in pixels, minimum text size in pixels per em, and text size relative to the picture's side.
    private const int LeastSide = 448, LeastText = 14;
    private const double TextPerSide = 1 / 28.0;

    private static readonly Rgb Ink = Rgb.Grey(40), Faint = Rgb.Grey(100);

    /// <summary>Draws the picture.</summary>
    /// <exception cref="ArgumentException">The map does not fill its extents, or <see cref="Max"/> is not a positive number.</exception>
    public Canvas Draw()
    {
        var range = MapRange.Of(Map.Span);
        bool signed = Signed ?? range.Least < 0;
        double max = Max ?? (range.Largest(signed) is > 0 and < double.PositiveInfinity and var largest ? largest : 1);
        if (!(max > 0 && double.IsFinite(max)))
            throw new ArgumentException($"Overlay: the scale's largest value must be a positive number, got {max}");
        var scale = new Scale(signed ? -max : 0, max);
        var bar = new ColourBar(scale, Unit)
        {
            OverPhoto = !MapOnly,
            Above = range.Most > max * (1 + 1e-9),
            Below = signed && range.Least < -max * (1 + 1e-9),
        };

        int factor = Math.Max(1, (LeastSide + Math.Max(Photo.Width, Photo.Height) - 1) / Math.Max(Photo.Width, Photo.Height));
        (int width, int height) = (factor * Photo.Width, factor * Photo.Height);
        // Even sizes put both the baseline and the top of small letters on whole pixels.
        double size = Math.Max(LeastText, 2 * Math.Round(Math.Sqrt((double)width * height) * TextPerSide / 2));
        int margin = (int)size, barHeight = Math.Max(height, (int)(7 * size));
        double barWidth = bar.Width(barHeight, size);
        int inner = (int)Math.Max(Math.Ceiling(width + margin + barWidth), 24 * size);
        IReadOnlyList<Line> lines = TextLines(range, signed, size, inner);
        double textHeight = lines.Count == 0 ? 0 : size * 0.6 + lines.Sum(line => line.Size * StrokeFont.LineHeight);

        var canvas = new Canvas(inner + 2 * margin, (int)Math.Ceiling(barHeight + textHeight) + 2 * margin, Rgb.White);
        DrawPicture(canvas, margin, factor, scale, size);
        bar.Draw(canvas, margin + width + margin, margin, barHeight, size);
        double baseline = margin + barHeight + size * 0.6;
        foreach (Line line in lines)
        {
            canvas.Text(line.Text, margin, baseline + line.Size, line.Size, line.Colour, line.Weight);
            baseline += line.Size * StrokeFont.LineHeight;
        }
        return canvas;
    }

    private void DrawPicture(Canvas canvas, int margin, int factor, Scale scale, double size)
    {
        (int width, int height) = (factor * Photo.Width, factor * Photo.Height);
        byte[] pixels = factor == 1 ? Photo.Pixels : PillowResize.Bilinear(Photo.Pixels, Photo.Width, Photo.Height, 3, width, height);
        byte[] tones = Backdrop.Tones(pixels);
        PhotoWindow window = Window is { } part
            ? new(part.Left * factor, part.Top * factor, part.Width * factor, part.Height * factor)
            : new(0, 0, width, height);
        var map = new MapResize(Map.Span, MapHeight, MapWidth, window, height, width, Border);
        var colours = Colormap.For(scale);
        double[] values = new double[width];
        for (int y = 0; y < height; y++)
        {
            map.Row(y, values);
            for (int x = 0; x < width; x++)
            {
                double place = scale.Place(values[x]);
                byte tone = tones[y * width + x];
                canvas[margin + x, margin + y] = !map.Covers(x, y) ? (MapOnly ? Rgb.White : Colormap.Photo(tone))
                    : MapOnly ? colours[place]
                    : colours.Over(place, tone);
            }
        }
        if (Window is not null)
            Outline(canvas, margin, window, width, height, Math.Max(2, size / 12));
    }

    private static void Outline(Canvas canvas, int margin, PhotoWindow window, int width, int height, double pen)
    {
        double left = margin + Math.Max(window.Left, 0), top = margin + Math.Max(window.Top, 0);
        double right = margin + Math.Min(window.Left + window.Width, width), bottom = margin + Math.Min(window.Top + window.Height, height);
        // White with a dark edge inside: one of them is visible on any photo.
        Ring(0, pen, Rgb.White);
        Ring(pen, pen / 2, Ink);

        void Ring(double inset, double width, Rgb colour)
        {
            (double l, double t, double r, double b) = (left + inset, top + inset, right - inset, bottom - inset);
            canvas.Fill(l, t, r - l, width, colour);
            canvas.Fill(l, b - width, r - l, width, colour);
            canvas.Fill(l, t, width, b - t, colour);
            canvas.Fill(r - width, t, width, b - t, colour);
        }
    }

    private sealed record Line(string Text, double Size, Rgb Colour, FontWeight Weight);

    private List<Line> TextLines(MapRange range, bool signed, double size, double width)
    {
        var lines = new List<Line>();
        if (Caption.Title is { } title)
            Add(title, 1.15 * size, Ink, FontWeight.Bold);
        foreach (string line in Caption.Lines)
            Add(line, size, Ink, FontWeight.Regular);
        foreach (string note in (string[])[.. range.Notes(signed), .. Legend()])
            Add(note, size, Faint, FontWeight.Regular);
        return lines;

        void Add(string text, double textSize, Rgb colour, FontWeight weight) =>
            lines.AddRange(StrokeFont.Wrap(text, textSize, width, weight).Select(line => new Line(line, textSize, colour, weight)));
    }

    /// <summary>How to read the picture.</summary>
    private IEnumerable<string> Legend()
    {
        if (!MapOnly)
            yield return "Grey is 0. The photo shifts only how light a colour is.";
        if (Window is not null)
            yield return "The frame is what the network saw.";
    }

    /// <summary>The extremes of a map's finite values, and the number of values that are not finite.</summary>
    private sealed record MapRange(double Least, double Most, int NotFinite, int Count)
    {
        public static MapRange Of(ReadOnlySpan<double> map)
        {
            double least = double.PositiveInfinity, most = double.NegativeInfinity;
            int notFinite = 0;
            foreach (double value in map)
            {
                if (double.IsFinite(value))
                    (least, most) = (Math.Min(least, value), Math.Max(most, value));
                else
                    notFinite++;
            }
            return new MapRange(least, most, notFinite, map.Length);
        }

        public double Largest(bool signed) => signed ? Math.Max(Math.Abs(Least), Math.Abs(Most)) : Most;

        public IEnumerable<string> Notes(bool signed)
        {
            if (NotFinite == Count)
                yield return "No value of the map is finite (green).";
            else if (NotFinite > 0)
                yield return $"Not finite (green): {NotFinite} of the map's {Count} values.";
            if (Least == 0 && Most == 0)
                yield return NotFinite > 0 ? "All other values are 0." : "The map is 0 everywhere.";
            else if (!signed && Least < 0)
                yield return "Values below 0 are drawn as 0.";
        }
    }
}
