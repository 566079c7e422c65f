using System.Numerics;

namespace Iba.Rendering;

/// <summary>The direction of text.</summary>
public enum TextDirection
{
    /// <summary>From left to right.</summary>
    Right,
    /// <summary>From bottom to top, rotated by 90° counter-clockwise.</summary>
    Up,
}

/// <summary>
/// 8-bit RGB pixels to draw on. Coordinates are in pixels from the top left corner, so pixel (x, y) has its centre at (x + 0.5, y + 0.5).
/// Edges are anti-aliased. Drawing outside the canvas is clipped.
/// </summary>
public sealed class Canvas
{
    // A line of one point is a dot, a little larger than the pen so that it does not look smaller than the strokes.
    private const float DotSize = 1.3f;

    /// <summary>A canvas of one colour.</summary>
    /// <exception cref="ArgumentException">An extent is not positive.</exception>
    public Canvas(int width, int height, Rgb background)
    {
        if (width <= 0 || height <= 0)
            throw new ArgumentException($"Canvas: {width} x {height} pixels; both extents must be positive");
        (Width, Height, Pixels) = (width, height, new byte[checked(width * height * 3)]);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                this[x, y] = background;
        }
    }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>H x W x 3 bytes, interleaved.</summary>
    public byte[] Pixels { get; }

    /// <summary>One pixel.</summary>
    public Rgb this[int x, int y]
    {
        get => Pixels.AsSpan(3 * (y * Width + x)) is [var r, var g, var b, ..] ? new Rgb(r, g, b) : default;
        set
        {
            int at = 3 * (y * Width + x);
            (Pixels[at], Pixels[at + 1], Pixels[at + 2]) = (value.R, value.G, value.B);
        }
    }

    /// <summary>Copies a picture to a position.</summary>
    public void Blit(ReadOnlySpan<byte> pixels, int width, int height, int left, int top)
    {
        for (int y = Math.Max(0, -top); y < Math.Min(height, Height - top); y++)
        {
            int from = Math.Max(0, -left), end = Math.Min(width, Width - left);
            if (from < end)
                pixels.Slice(3 * (y * width + from), 3 * (end - from)).CopyTo(Pixels.AsSpan(3 * ((y + top) * Width + left + from)));
        }
    }

    /// <summary>Fills a rectangle. A pixel that an edge crosses is covered in proportion.</summary>
    public void Fill(double left, double top, double width, double height, Rgb colour)
    {
        double right = left + width, bottom = top + height;
        for (int y = Math.Max(0, (int)top); y < Math.Min(Height, Math.Ceiling(bottom)); y++)
        {
            double rows = Math.Min(bottom, y + 1) - Math.Max(top, y);
            for (int x = Math.Max(0, (int)left); x < Math.Min(Width, Math.Ceiling(right)); x++)
                Blend(x, y, colour, rows * (Math.Min(right, x + 1) - Math.Max(left, x)));
        }
    }

    /// <summary>Fills a polygon (even-odd rule), with 4 x 4 samples per pixel.</summary>
    /// <param name="corners">The corners.</param>
    /// <param name="colour">The colour.</param>
    /// <param name="opacity">0 leaves what is there, 1 replaces it.</param>
    public void Fill(ReadOnlySpan<Vector2> corners, Rgb colour, double opacity = 1)
    {
        const int Samples = 4;
        (Vector2 low, Vector2 high) = Bounds(corners);
        int left = Math.Max(0, (int)low.X), right = (int)Math.Min(Width, MathF.Ceiling(high.X));
        var inside = new int[Math.Max(right - left, 0)];
        var crossings = new List<float>();
        for (int y = Math.Max(0, (int)low.Y); y < Math.Min(Height, MathF.Ceiling(high.Y)); y++)
        {
            Array.Clear(inside);
            for (int row = 0; row < Samples; row++)
            {
                Cross(corners, y + (row + 0.5f) / Samples, crossings);
                for (int sample = 0, passed = 0; sample < inside.Length * Samples; sample++)
                {
                    while (passed < crossings.Count && left + (sample + 0.5f) / Samples >= crossings[passed])
                        passed++;
                    inside[sample / Samples] += passed % 2;
                }
            }
            for (int x = left; x < right; x++)
                Blend(x, y, colour, opacity * inside[x - left] / (Samples * Samples));
        }
    }

    /// <summary>Draws a line with round ends.</summary>
    public void Line(Vector2 from, Vector2 to, double pen, Rgb colour) => Line([[from, to]], pen, colour);

    /// <summary>
    /// Draws connected lines with a round pen as one shape: pixels where lines join or cross are painted once. A pixel's coverage follows from its
    /// distance to the nearest line.
    /// </summary>
    /// <param name="lines">The corners of each line; one corner is a dot.</param>
    /// <param name="pen">The width, pixels.</param>
    /// <param name="colour">The colour.</param>
    public void Line(ReadOnlySpan<Vector2[]> lines, double pen, Rgb colour)
    {
        // A pen thinner than a pixel is drawn as wide as one, but fainter.
        float radius = Math.Max((float)pen, 1) / 2;
        double strength = Math.Min(pen, 1);
        (Vector2 low, Vector2 high) = Bounds(lines[0]);
        foreach (Vector2[] line in lines[1..])
        {
            (Vector2 lineLow, Vector2 lineHigh) = Bounds(line);
            (low, high) = (Vector2.Min(low, lineLow), Vector2.Max(high, lineHigh));
        }
        (int left, int top, int right, int bottom) = Reach(low, high, radius * DotSize);
        if (left >= right || top >= bottom)
            return;

        float[] coverage = new float[(right - left) * (bottom - top)];
        foreach (Vector2[] line in lines)
        {
            float reach = line.Length == 1 ? radius * DotSize : radius;
            for (int i = 0; i < Math.Max(line.Length - 1, 1); i++)
            {
                Vector2 from = line[i], along = line[Math.Min(i + 1, line.Length - 1)] - from;
                (int x0, int y0, int x1, int y1) = Reach(Vector2.Min(from, from + along), Vector2.Max(from, from + along), reach);
                float length2 = Math.Max(along.LengthSquared(), 1e-12f);
                for (int y = y0; y < y1; y++)
                {
                    for (int x = x0; x < x1; x++)
                    {
                        Vector2 at = new Vector2(x + 0.5f, y + 0.5f) - from;
                        float place = Math.Clamp(Vector2.Dot(at, along) / length2, 0, 1);
                        float covered = Math.Clamp(reach + 0.5f - (at - place * along).Length(), 0, 1);
                        ref float most = ref coverage[(y - top) * (right - left) + x - left];
                        most = Math.Max(most, covered);
                    }
                }
            }
        }
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
                Blend(x, y, colour, strength * coverage[(y - top) * (right - left) + x - left]);
        }
    }

    /// <summary>Draws one line of text.</summary>
    /// <param name="text">The text; see <see cref="StrokeFont"/> for what it can hold.</param>
    /// <param name="x">Start of the baseline, pixels from the left.</param>
    /// <param name="y">Start of the baseline, pixels from the top.</param>
    /// <param name="size">Pixels per em.</param>
    /// <param name="colour">The pen's colour.</param>
    /// <param name="weight">The width of the strokes.</param>
    /// <param name="direction">The direction of the baseline.</param>
    public void Text(
        string text, double x, double y, double size, Rgb colour,
        FontWeight weight = FontWeight.Regular, TextDirection direction = TextDirection.Right)
    {
        bool up = direction == TextDirection.Up;
        // A baseline through the middle of a row of pixels keeps small letters crisp.
        Vector2 start = up ? new(MathF.Floor((float)x) + 0.5f, (float)y) : new((float)x, MathF.Floor((float)y) + 0.5f);
        foreach (Vector2[][] strokes in StrokeFont.Strokes(text, size, weight))
        {
            foreach (Vector2[] stroke in strokes)
            {
                for (int i = 0; i < stroke.Length; i++)
                    stroke[i] = start + (up ? new(-stroke[i].Y, -stroke[i].X) : new(stroke[i].X, -stroke[i].Y));
            }
            Line(strokes, StrokeFont.Pen(size, weight), colour);
        }
    }

    private (int Left, int Top, int Right, int Bottom) Reach(Vector2 low, Vector2 high, float radius)
    {
        float margin = radius + 1;
        return (Math.Clamp((int)(low.X - margin), 0, Width), Math.Clamp((int)(low.Y - margin), 0, Height),
            Math.Clamp((int)(high.X + margin) + 1, 0, Width), Math.Clamp((int)(high.Y + margin) + 1, 0, Height));
    }

    private void Blend(int x, int y, Rgb colour, double share)
    {
        if (share > 0)
            this[x, y] = this[x, y].Under(colour, share);
    }

    private static (Vector2 Low, Vector2 High) Bounds(ReadOnlySpan<Vector2> points)
    {
        (Vector2 low, Vector2 high) = (points[0], points[0]);
        foreach (Vector2 point in points)
            (low, high) = (Vector2.Min(low, point), Vector2.Max(high, point));
        return (low, high);
    }

    /// <summary>Where the edges of a polygon cross a row, from left to right.</summary>
    private static void Cross(ReadOnlySpan<Vector2> corners, float y, List<float> crossings)
    {
        crossings.Clear();
        for (int i = 0, j = corners.Length - 1; i < corners.Length; j = i++)
        {
            (Vector2 a, Vector2 b) = (corners[i], corners[j]);
            if (a.Y > y != b.Y > y)
                crossings.Add((b.X - a.X) * (y - a.Y) / (b.Y - a.Y) + a.X);
        }
        crossings.Sort();
    }
}
