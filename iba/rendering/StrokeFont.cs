using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;

namespace Iba.Rendering;

/// <summary>
/// A font of round-pen strokes that is part of the program: text looks the same on every machine and needs no font file. It has
/// ASCII 32..126 and ° · × – − α β λ σ; any other character is drawn as an empty box. Sizes are in pixels per em.
/// </summary>
public static partial class StrokeFont
{
    private const float UnitsPerEm = 20;
    private static readonly ConcurrentDictionary<char, Glyph> Glyphs = new();

    /// <summary>Upper bound of a line's height above its baseline, in em.</summary>
    public const double Ascent = 0.86;

    /// <summary>Upper bound of a line's depth below its baseline, in em.</summary>
    public const double Descent = 0.27;

    /// <summary>From baseline to baseline, in em.</summary>
    public const double LineHeight = 1.4;

    /// <summary>The height of capitals and digits, in em.</summary>
    public const double CapHeight = 0.7;

    /// <summary>The width of a line of text, pixels.</summary>
    public static double Width(string text, double size, FontWeight weight = FontWeight.Regular) =>
        text.Sum(character => Advance(character, weight)) * size / UnitsPerEm;

    /// <summary>
    /// Breaks a text into lines that are no wider than a width: at line breaks, at blanks, and inside a word that is too wide alone.
    /// </summary>
    public static IReadOnlyList<string> Wrap(string text, double size, double width, FontWeight weight = FontWeight.Regular)
    {
        var lines = new List<string>();
        foreach (string paragraph in text.ReplaceLineEndings("\n").Split('\n'))
        {
            string rest = paragraph.Trim();
            while (Width(rest, size, weight) > width && rest.Length > 1)
            {
                int fits = 1;
                // The sum is rounded as Width rounds it, so that a line is never a rounding error too wide.
                for (double units = Advance(rest[0], weight); fits < rest.Length; fits++)
                {
                    units += Advance(rest[fits], weight);
                    if (units * size / UnitsPerEm > width)
                        break;
                }
                int blank = rest.LastIndexOf(' ', Math.Min(fits, rest.Length - 1));
                int end = blank > 0 ? blank : fits;
                lines.Add(rest[..end].TrimEnd());
                rest = rest[end..].TrimStart();
            }
            lines.Add(rest);
        }
        return lines;
    }

    /// <summary>The pen's width, pixels.</summary>
    internal static double Pen(double size, FontWeight weight) => Units(weight) * size / UnitsPerEm;

    /// <summary>The strokes of a text in pixels, per character; its baseline starts at the origin, and y points up.</summary>
    internal static IEnumerable<Vector2[][]> Strokes(string text, double size, FontWeight weight)
    {
        float scale = (float)size / UnitsPerEm, x = 0;
        foreach (char character in text)
        {
            Glyph glyph = Of(character);
            var shift = new Vector2(x + (float)Extra(weight) / 2, 0);
            if (glyph.Strokes.Length > 0)
                yield return [.. glyph.Strokes.Select(stroke => stroke.Select(point => (point + shift) * scale).ToArray())];
            x += glyph.Advance + (float)Extra(weight);
        }
    }

    /// <summary>From a character to the next, font units.</summary>
    private static double Advance(char character, FontWeight weight) => Of(character).Advance + Extra(weight);

    private static double Units(FontWeight weight) => weight == FontWeight.Bold ? 2.2 : 1.45;

    // Letter spacing in addition to the glyphs' own; wider strokes need more.
    private static double Extra(FontWeight weight) => 0.4 + Units(weight) - Units(FontWeight.Regular);

    private static Glyph Of(char character) => Glyphs.GetOrAdd(character, c => Glyph.Parse(Paths.GetValueOrDefault(c, Missing)));

    /// <summary>A character in font units. A stroke of one point is a dot.</summary>
    private sealed record Glyph(float Advance, Vector2[][] Strokes)
    {
        private const int StepsPerCurve = 14;

        public static Glyph Parse(string path)
        {
            var words = new Queue<string>(path.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            float Number() => float.Parse(words.Dequeue(), CultureInfo.InvariantCulture);
            Vector2 Point() => new(Number(), Number());

            float advance = Number();
            var strokes = new List<List<Vector2>>();
            while (words.TryDequeue(out string? command))
            {
                if (command is "M" or "D" || strokes.Count == 0)
                    strokes.Add([]);
                List<Vector2> stroke = strokes[^1];
                switch (command)
                {
                    case "M" or "L" or "D":
                        stroke.Add(Point());
                        break;
                    case "C":
                        Vector2 p0 = stroke[^1], p1 = Point(), p2 = Point(), p3 = Point();
                        for (int i = 1; i <= StepsPerCurve; i++)
                        {
                            float t = (float)i / StepsPerCurve, s = 1 - t;
                            stroke.Add(s * s * s * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t * t * t * p3);
                        }
                        break;
                    case "A":
                        Vector2 centre = Point(), radii = Point();
                        float from = Number(), to = Number();
                        int steps = (int)MathF.Ceiling(MathF.Abs(to - from) / 360 * 4 * StepsPerCurve);
                        for (int i = 0; i <= steps; i++)
                        {
                            (float sin, float cos) = MathF.SinCos((from + (to - from) * i / steps) * MathF.PI / 180);
                            stroke.Add(centre + radii * new Vector2(cos, sin));
                        }
                        break;
                    default:
                        throw new FormatException($"StrokeFont: {command} is not a pen command");
                }
            }
            return new Glyph(advance, [.. strokes.Select(stroke => stroke.ToArray())]);
        }
    }
}

/// <summary>The width of the strokes.</summary>
public enum FontWeight
{
    /// <summary>For text.</summary>
    Regular,
    /// <summary>For titles.</summary>
    Bold,
}
