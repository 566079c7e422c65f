using System.Globalization;
using System.Net;
using System.Text;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Rendering;

namespace Iba.Reports;

/// <summary>
/// An HTML page in one file. It loads nothing: style, script and images are in it, and its Content-Security-Policy forbids everything else. All text is
/// escaped by <see cref="Text"/>.
/// </summary>
/// <param name="title">The title, which is also the first heading.</param>
public sealed class HtmlPage(string title)
{
    private static readonly string Script = Resource("page.js");

    /// <summary>The style of every page.</summary>
    public static string Style { get; } = Resource("page.css");

    /// <summary>Only this style and this script, images that are in the page, and nothing from anywhere else.</summary>
    private static readonly string Policy =
        $"default-src 'none'; style-src '{Hash(Style)}'; script-src '{Hash(Script)}'; img-src data:; base-uri 'none'; form-action 'none'";

    private readonly StringBuilder _body = new();
    private readonly StringBuilder _data = new();

    /// <summary>About how many bytes it has so far.</summary>
    internal int Length => Style.Length + Script.Length + _body.Length + _data.Length;

    /// <summary>Text as HTML: nothing in it is markup, and characters that could reorder or hide the text around it are written as escapes.</summary>
    public static string Text(string? text) => WebUtility.HtmlEncode(ForeignText.Harmless(text ?? ""));

    /// <summary>A number as people read it, with four digits; a dash where there is none.</summary>
    public static string Number(double? number, string format = "G4") => number is { } value
        ? value.ToString(Math.Abs(value) is >= 1e4 and < 1e7 ? "0" : format, CultureInfo.InvariantCulture).Replace('-', '\u2212')
        : "\u2013";

    /// <summary>A coordinate or another number that a program reads.</summary>
    public static string Plain(double number) => number.ToString("0.####", CultureInfo.InvariantCulture);

    /// <summary>A picture as the address of an image.</summary>
    /// <param name="pixels">Interleaved colours.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    public static string Image(ReadOnlySpan<byte> pixels, int width, int height) =>
        $"data:image/png;base64,{Convert.ToBase64String(PngFile.Encode(pixels, width, height))}";

    /// <summary>A photo as the address of an image.</summary>
    public static string Image(Photo photo) => Image(photo.Pixels, photo.Width, photo.Height);

    /// <summary>The head of a column by which a table sorts. Its text is an attribute, too: a browser that prints repeats heads, but no buttons.</summary>
    public static string Head(string text) => $"<th scope=\"col\" data-head=\"{Text(text)}\"><button type=\"button\">{Text(text)}</button></th>";

    /// <summary>Adds markup. Whatever does not come from this program must have gone through <see cref="Text"/>.</summary>
    public HtmlPage Add(string markup)
    {
        _body.Append(markup).Append('\n');
        return this;
    }

    /// <summary>Adds data for the script.</summary>
    /// <param name="id">Where the script looks for it.</param>
    /// <param name="json">JSON in which <c>&lt;</c> is escaped, as System.Text.Json writes it by default.</param>
    /// <exception cref="ArgumentException">It could end the element that holds it.</exception>
    public void AddData(string id, string json)
    {
        if (json.Contains('<', StringComparison.Ordinal))
            throw new ArgumentException("data of a page: '<' must be written as \\u003C", nameof(json));
        _data.Append(CultureInfo.InvariantCulture, $"<script type=\"application/json\" id=\"{id}\">{json}</script>\n");
    }

    /// <summary>Adds a table of names and values, and the command that made the page.</summary>
    public void AddFacts(IEnumerable<KeyValuePair<string, string>> facts, string? command)
    {
        Add("<section><h2>Settings</h2><table class=\"facts\"><tbody>");
        foreach ((string name, string value) in facts)
            Add($"<tr><th scope=\"row\">{Text(name)}</th><td>{Text(value)}</td></tr>");
        Add("</tbody></table>");
        if (command is not null)
            Add($"<h3>The command that made this page</h3><pre tabindex=\"0\">{Text(command)}</pre>");
        Add("</section>");
    }

    /// <summary>The page, UTF-8.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(
        $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="{Policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="generator" content="iba">
        <title>{Text(title)}</title>
        <style>{Style}</style>
        </head>
        <body>
        <main>
        <h1>{Text(title)}</h1>
        {_body}</main>
        <div id="live" class="hidden" role="status"></div>
        {_data}<script>{Script}</script>
        </body>
        </html>

        """);

    private static string Hash(string text) => $"sha256-{Convert.ToBase64String(Sha256Hash.Of(Encoding.UTF8.GetBytes(text)))}";

    private static string Resource(string name) => EmbeddedFile.Text(typeof(HtmlPage).Assembly, $"reports/{name}")!.ReplaceLineEndings("\n");
}
