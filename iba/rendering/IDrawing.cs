using System.Globalization;
using System.Security;
using System.Text;

namespace Iba.Rendering;

/// <summary>The drawing commands of a figure. Coordinates are in pixels from the top left corner; y of a text is its baseline.</summary>
internal interface IDrawing
{
    /// <summary>Draws a picture with its top left corner at (x, y).</summary>
    void Picture(Canvas picture, int left, int top);

    /// <summary>Draws one line of text, its middle or its start at (x, y).</summary>
    void Text(
        string text, double x, double y, double size, Rgb colour,
        bool centred = true, FontWeight weight = FontWeight.Regular, TextDirection direction = TextDirection.Right);
}

/// <summary>Draws on pixels.</summary>
internal sealed class CanvasDrawing(Canvas canvas) : IDrawing
{
    /// <inheritdoc/>
    public void Picture(Canvas picture, int left, int top) => canvas.Blit(picture.Pixels, picture.Width, picture.Height, left, top);

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double size, Rgb colour, bool centred, FontWeight weight, TextDirection direction)
    {
        double half = centred ? StrokeFont.Width(text, size, weight) / 2 : 0;
        (double left, double baseline) = direction == TextDirection.Right ? (x - half, y) : (x, y + half);
        canvas.Text(text, left, baseline, size, colour, weight, direction);
    }
}

/// <summary>Draws SVG 1.1: text stays text, in the viewer's sans-serif font, and pictures are embedded as PNG.</summary>
/// <param name="width">Pixels.</param>
/// <param name="height">Pixels.</param>
/// <param name="title">The description that screen readers speak.</param>
internal sealed class SvgDrawing(int width, int height, string title) : IDrawing
{
    private readonly StringBuilder _body = new();

    /// <inheritdoc/>
    public void Picture(Canvas picture, int left, int top)
    {
        string png = Convert.ToBase64String(PngFile.Encode(picture.Pixels, picture.Width, picture.Height));
        string place = $"""x="{left}" y="{top}" width="{picture.Width}" height="{picture.Height}" """;
        _body.AppendLine($"""<image {place}xlink:href="data:image/png;base64,{png}"/>""");
    }

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double size, Rgb colour, bool centred, FontWeight weight, TextDirection direction)
    {
        string bold = weight == FontWeight.Bold ? " font-weight=\"bold\"" : "", middle = centred ? " text-anchor=\"middle\"" : "";
        string turned = direction == TextDirection.Up ? $" transform=\"rotate(-90 {Number(x)} {Number(y)})\"" : "";
        string place = $"""x="{Number(x)}" y="{Number(y)}" font-size="{Number(size)}" fill="#{colour.R:x2}{colour.G:x2}{colour.B:x2}" """;
        _body.AppendLine($"""<text {place.TrimEnd()}{bold}{middle}{turned}>{Escaped(text)}</text>""");
    }

    /// <summary>The whole file.</summary>
    public override string ToString() => $"""
        <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
         width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">
        <title>{Escaped(title)}</title>
        <rect width="100%" height="100%" fill="#ffffff"/>
        {_body}</svg>

        """;

    /// <summary>
    /// Any text as character data of XML 1.0 (section 2.2), on one line. U+FFFD stands for what XML forbids or advises against (control
    /// characters, lone surrogates, noncharacters) and for bidirectional controls, which would reorder what follows them.
    /// </summary>
    private static string Escaped(string text)
    {
        var plain = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes()) // a lone surrogate is enumerated as U+FFFD
        {
            plain.Append(rune.Value switch
            {
                '\t' or '\n' or '\r' => " ",
                < 0x20 or (>= 0x7F and < 0xA0) or (>= 0xFDD0 and <= 0xFDEF) => "\uFFFD",
                0x61C or 0x200E or 0x200F or (>= 0x2028 and <= 0x202E) or (>= 0x2066 and <= 0x2069) => "\uFFFD",
                int value when (value & 0xFFFE) == 0xFFFE => "\uFFFD",
                _ => rune.ToString(),
            });
        }
        return SecurityElement.Escape(plain.ToString());
    }

    private static string Number(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);
}
