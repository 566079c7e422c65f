using System.Globalization;
using System.Security;
using System.Text;
using Iba.Engine.Files;

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

    private static string Escaped(string text) => SecurityElement.Escape(ForeignText.Replaced(text));

    private static string Number(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);
}
