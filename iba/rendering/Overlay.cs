using Iba.Images;

namespace Iba.Rendering;

/// <summary>
/// A map over its photo, as a picture that explains itself: the photo in grey, the map's colours above it, a colour bar with
/// the unit, and a caption. Small photos are enlarged by whole factors until text beside them is readable.
/// </summary>
/// <param name="Photo">The crop that the network saw, or the whole photo.</param>
/// <param name="Map">h x w values, row by row.</param>
/// <param name="MapHeight">h.</param>
/// <param name="MapWidth">w.</param>
public sealed record Overlay(Photo Photo, ReadOnlyMemory<double> Map, int MapHeight, int MapWidth)
{
    /// <summary>The part of the photo that the map covers; null when that is all of it.</summary>
    public PhotoWindow? Window { get; init; }

    /// <summary>How the map goes on at its border while it is interpolated.</summary>
    public MapBorder Border { get; init; }

    /// <summary>The unit of the map's values.</summary>
    public string Unit { get; init; } = "bits / pixel";

    /// <summary>The value of the strongest colour, to share one scale between pictures; null takes the map's own.</summary>
    public double? Max { get; init; }

    /// <summary>Whether the scale is symmetrical about 0; null decides by whether the map has values below 0.</summary>
    public bool? Signed { get; init; }

    /// <summary>What stands below the picture.</summary>
    public Caption Caption { get; init; } = new();

    // The longer side that a picture has at least, and text sizes: pixels per em, and pictures per em.
    private const int LeastSide = 448, LeastText = 14;
    private const double TextPerSide = 1 / 28.0;

    private static readonly Rgb Ink = Rgb.Grey(40), Faint = Rgb.Grey(100), NotANumber = new(0, 150, 60);

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
        var bar = new ColourBar(scale, place => Tint(Rgb.Grey(128), place, signed), Unit)
        {
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
        DrawPicture(canvas, margin, factor, scale, signed, size);
        bar.Draw(canvas, margin + width + margin, margin, barHeight, size);
        double baseline = margin + barHeight + size * 0.6;
        foreach (Line line in lines)
        {
            canvas.Text(line.Text, margin, baseline + line.Size, line.Size, line.Colour, line.Weight);
            baseline += line.Size * StrokeFont.LineHeight;
        }
        return canvas;
    }

    private void DrawPicture(Canvas canvas, int margin, int factor, Scale scale, bool signed, double size)
    {
        (int width, int height) = (factor * Photo.Width, factor * Photo.Height);
        byte[] pixels = factor == 1 ? Photo.Pixels : PillowResize.Bilinear(Photo.Pixels, Photo.Width, Photo.Height, 3, width, height);
        PhotoWindow window = Window is { } part
            ? new(part.Left * factor, part.Top * factor, part.Width * factor, part.Height * factor)
            : new(0, 0, width, height);
        var map = new MapResize(Map.Span, MapHeight, MapWidth, window, height, width, Border);
        double[] values = new double[width];
        for (int y = 0; y < height; y++)
        {
            map.Row(y, values);
            for (int x = 0; x < width; x++)
            {
                int at = 3 * (y * width + x);
                Rgb grey = Rgb.Grey((int)(0.2125 * pixels[at] + 0.7154 * pixels[at + 1] + 0.0721 * pixels[at + 2] + 0.5));
                canvas[margin + x, margin + y] = !map.Covers(x, y) ? grey
                    : !double.IsFinite(values[x]) ? grey.Under(NotANumber, 0.5)
                    : Tint(grey, scale.Place(values[x]), signed);
            }
        }
        if (Window is not null)
            Outline(canvas, margin, window, width, height, Math.Max(2, size / 12));
    }

    /// <summary>The blend of the published package's plot_saliency_map: the stronger the value, the less of the photo shows.</summary>
    internal static Rgb Tint(Rgb grey, double place, bool signed)
    {
        place = Math.Clamp(place, 0, 1);
        double strength = signed ? Math.Abs(2 * place - 1) : place;
        return grey.Under((signed ? Colormap.Seismic : Colormap.SeismicUpperHalf)[place], 0.2 + 0.5 * strength);
    }

    private static void Outline(Canvas canvas, int margin, PhotoWindow window, int width, int height, double pen)
    {
        double left = margin + Math.Max(window.Left, 0), top = margin + Math.Max(window.Top, 0);
        double right = margin + Math.Min(window.Left + window.Width, width), bottom = margin + Math.Min(window.Top + window.Height, height);
        canvas.Fill(left, top, right - left, pen, Rgb.White);
        canvas.Fill(left, bottom - pen, right - left, pen, Rgb.White);
        canvas.Fill(left, top, pen, bottom - top, Rgb.White);
        canvas.Fill(right - pen, top, pen, bottom - top, Rgb.White);
    }

    private sealed record Line(string Text, double Size, Rgb Colour, FontWeight Weight);

    private List<Line> TextLines(MapRange range, bool signed, double size, double width)
    {
        var lines = new List<Line>();
        if (Caption.Title is { } title)
            Add(title, 1.15 * size, Ink, FontWeight.Bold);
        foreach (string line in Caption.Lines)
            Add(line, size, Ink, FontWeight.Regular);
        foreach (string note in range.Notes(signed))
            Add(note, size, Faint, FontWeight.Regular);
        return lines;

        void Add(string text, double textSize, Rgb colour, FontWeight weight) =>
            lines.AddRange(StrokeFont.Wrap(text, textSize, width, weight).Select(line => new Line(line, textSize, colour, weight)));
    }

    /// <summary>What the values of a map are like: the extremes of the finite ones, and how many are not.</summary>
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
                yield return "The map holds no finite number (green).";
            else if (NotFinite > 0)
                yield return $"Not finite (green): {NotFinite} of the map's {Count} values.";
            if (Least == 0 && Most == 0)
                yield return NotFinite > 0 ? "All other values are 0." : "The map is 0 everywhere.";
            else if (!signed && Least < 0)
                yield return "Values below 0 are drawn as 0.";
        }
    }
}
