using System.Globalization;
using System.Numerics;
using System.Security;
using System.Text;
using Iba.Engine.Files;

namespace Iba.Rendering;

/// <summary>The drawing commands of a figure. Coordinates are in pixels from the top left corner; y of a text is its baseline.</summary>
internal interface IDrawing
{
    /// <summary>Draws a picture with its top left corner at (x, y).</summary>
    void Picture(Canvas picture, int left, int top);

    /// <summary>Draws one line of text with its anchor at (x, y).</summary>
    void Text(
        string text, double x, double y, double size, Rgb colour,
        TextAnchor anchor = TextAnchor.Middle, FontWeight weight = FontWeight.Regular, TextDirection direction = TextDirection.Right);

    /// <summary>Draws connected lines; a single point is a dot.</summary>
    /// <param name="points">The corners, one at least.</param>
    /// <param name="pen">The width, pixels.</param>
    /// <param name="colour">The colour.</param>
    /// <param name="dashes">Lengths of strokes and of the gaps after them, in turn, pixels; none for a solid line.</param>
    void Line(IReadOnlyList<Vector2> points, double pen, Rgb colour, IReadOnlyList<double>? dashes = null);

    /// <summary>Fills a polygon; what is below shines through.</summary>
    /// <param name="corners">The corners, three at least.</param>
    /// <param name="colour">The colour.</param>
    /// <param name="opacity">0 for invisible, 1 for opaque.</param>
    void Area(IReadOnlyList<Vector2> corners, Rgb colour, double opacity);
}

/// <summary>The part of a text that stands at its position.</summary>
internal enum TextAnchor
{
    /// <summary>The start of the line.</summary>
    Start,
    /// <summary>Its middle.</summary>
    Middle,
    /// <summary>Its end.</summary>
    End,
}

/// <summary>Draws on pixels.</summary>
internal sealed class CanvasDrawing(Canvas canvas) : IDrawing
{
    /// <inheritdoc/>
    public void Picture(Canvas picture, int left, int top) => canvas.Blit(picture.Pixels, picture.Width, picture.Height, left, top);

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double size, Rgb colour, TextAnchor anchor, FontWeight weight, TextDirection direction)
    {
        double before = (int)anchor * StrokeFont.Width(text, size, weight) / 2;
        (double left, double baseline) = direction == TextDirection.Right ? (x - before, y) : (x, y + before);
        canvas.Text(text, left, baseline, size, colour, weight, direction);
    }

    /// <inheritdoc/>
    public void Line(IReadOnlyList<Vector2> points, double pen, Rgb colour, IReadOnlyList<double>? dashes) =>
        canvas.Line(dashes is { Count: > 0 } ? Dashed(points, dashes) : [[.. points]], pen, colour);

    /// <inheritdoc/>
    public void Area(IReadOnlyList<Vector2> corners, Rgb colour, double opacity) => canvas.Fill([.. corners], colour, opacity);

    /// <summary>The strokes of a dashed line.</summary>
    private static Vector2[][] Dashed(IReadOnlyList<Vector2> points, IReadOnlyList<double> dashes)
    {
        var strokes = new List<List<Vector2>> { new() { points[0] } };
        (int dash, double left) = (0, dashes[0]);
        for (int i = 1; i < points.Count; i++)
        {
            (Vector2 from, Vector2 to) = (points[i - 1], points[i]);
            double length = Vector2.Distance(from, to), at = 0;
            for (; length - at > left; left = dashes[dash])
            {
                at += left;
                var corner = Vector2.Lerp(from, to, (float)(at / length));
                if (dash % 2 == 0)
                    strokes[^1].Add(corner);
                else
                    strokes.Add([corner]);
                dash = (dash + 1) % dashes.Count;
            }
            left -= length - at;
            if (dash % 2 == 0)
                strokes[^1].Add(to);
        }
        return [.. strokes.Select(stroke => stroke.ToArray())];
    }
}

/// <summary>
/// Draws SVG 1.1; pictures are embedded as PNG. Text stays text, in the viewer's sans-serif font, or is drawn in the strokes of <see cref="StrokeFont"/>: then
/// it is as wide in every viewer as the layout expects.
/// </summary>
/// <param name="width">Pixels.</param>
/// <param name="height">Pixels.</param>
/// <param name="title">The description that screen readers speak.</param>
/// <param name="strokes">Whether text is drawn in strokes. Screen readers speak it all the same.</param>
internal sealed class SvgDrawing(int width, int height, string title, bool strokes = false) : IDrawing
{
    /// <summary>Glyphs are drawn once, at this size, and scaled.</summary>
    private const double GlyphSize = 20;

    private readonly StringBuilder _body = new();

    /// <summary>The path of each character that was drawn.</summary>
    private readonly SortedDictionary<char, string> _glyphs = [];

    /// <inheritdoc/>
    public void Picture(Canvas picture, int left, int top)
    {
        string png = Convert.ToBase64String(PngFile.Encode(picture.Pixels, picture.Width, picture.Height));
        string place = $"""x="{left}" y="{top}" width="{picture.Width}" height="{picture.Height}" """;
        _body.AppendLine($"""<image {place}xlink:href="data:image/png;base64,{png}"/>""");
    }

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double size, Rgb colour, TextAnchor anchor, FontWeight weight, TextDirection direction)
    {
        if (strokes)
        {
            double before = (int)anchor * StrokeFont.Width(text, size, weight) / 2;
            (double left, double baseline) = direction == TextDirection.Right ? (x - before, y) : (x, y + before);
            Stroked(text, left, baseline, size, colour, weight, direction);
            return;
        }
        string bold = weight == FontWeight.Bold ? " font-weight=\"bold\"" : "";
        string from = anchor switch { TextAnchor.Middle => " text-anchor=\"middle\"", TextAnchor.End => " text-anchor=\"end\"", _ => "" };
        string turned = direction == TextDirection.Up ? $" transform=\"rotate(-90 {Number(x)} {Number(y)})\"" : "";
        string place = $"""x="{Number(x)}" y="{Number(y)}" font-size="{Number(size)}" fill="{Hex(colour)}" """;
        _body.AppendLine($"""<text {place.TrimEnd()}{bold}{from}{turned}>{Escaped(text)}</text>""");
    }

    /// <inheritdoc/>
    public void Line(IReadOnlyList<Vector2> points, double pen, Rgb colour, IReadOnlyList<double>? dashes)
    {
        // A line of no length is drawn as its round ends: a dot.
        IReadOnlyList<Vector2> drawn = points.Count == 1 ? [points[0], points[0]] : points;
        string gaps = dashes is { Count: > 0 } ? $""" stroke-dasharray="{string.Join(' ', dashes.Select(Number))}" """.TrimEnd() : "";
        string style = $"""fill="none" stroke="{Hex(colour)}" stroke-width="{Number(pen)}" stroke-linecap="round" stroke-linejoin="round" """.TrimEnd();
        _body.AppendLine($"""<polyline {style}{gaps} points="{Corners(drawn)}"/>""");
    }

    /// <inheritdoc/>
    public void Area(IReadOnlyList<Vector2> corners, Rgb colour, double opacity) =>
        _body.AppendLine($"""<polygon fill="{Hex(colour)}" fill-opacity="{Number(opacity)}" points="{Corners(corners)}"/>""");

    private string Glyphs => _glyphs.Count == 0 ? ""
        : $"<defs>{string.Concat(_glyphs.Select(glyph => $"""<path id="{Glyph(glyph.Key)}" d="{glyph.Value}"/>"""))}</defs>\n";

    /// <summary>The whole file.</summary>
    public override string ToString() => $"""
        <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
         width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">
        <title>{Escaped(title)}</title>
        {Glyphs}<rect width="100%" height="100%" fill="#ffffff"/>
        {_body}</svg>

        """;

    private void Stroked(string text, double x, double y, double size, Rgb colour, FontWeight weight, TextDirection direction)
    {
        string turned = direction == TextDirection.Up ? " rotate(-90)" : "";
        string place = $"translate({Number(x)} {Number(y)}){turned} scale({(size / GlyphSize).ToString("0.####", CultureInfo.InvariantCulture)})";
        string style = $"""fill="none" stroke="{Hex(colour)}" stroke-width="{Number(StrokeFont.Pen(GlyphSize, weight))}" """.TrimEnd();
        _body.Append($"""<g role="img" aria-label="{Escaped(text)}" transform="{place}" {style} stroke-linecap="round" stroke-linejoin="round">""");
        for (int i = 0; i < text.Length; i++)
        {
            string character = text[i..(i + 1)];
            if (!_glyphs.TryGetValue(text[i], out string? path))
            {
                // y points down in the file, and a point is a line of no length: its round ends.
                IEnumerable<Vector2[]> lines = StrokeFont.Strokes(character, GlyphSize, FontWeight.Regular).SelectMany(glyph => glyph);
                path = _glyphs[text[i]] = string.Join(' ', lines.Select(line =>
                    $"M{string.Join('L', (line.Length == 1 ? [line[0], line[0]] : line).Select(point => $"{Number(point.X)} {Number(-point.Y)}"))}"));
            }
            if (path == "")
                continue;
            // Wider strokes stand in a wider cell.
            double extra = StrokeFont.Width(character, GlyphSize, weight) - StrokeFont.Width(character, GlyphSize);
            _body.Append($"""<use xlink:href="#{Glyph(text[i])}" x="{Number(StrokeFont.Width(text[..i], GlyphSize, weight) + extra / 2)}"/>""");
        }
        _body.AppendLine("</g>");
    }

    private static string Glyph(char character) => $"c{(int)character}";

    private static string Escaped(string text) => SecurityElement.Escape(ForeignText.Replaced(text));

    private static string Hex(Rgb colour) => $"#{colour.R:x2}{colour.G:x2}{colour.B:x2}";

    private static string Corners(IReadOnlyList<Vector2> points) => string.Join(' ', points.Select(point => $"{Number(point.X)},{Number(point.Y)}"));

    private static string Number(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);
}
