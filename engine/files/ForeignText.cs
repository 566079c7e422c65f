using System.Globalization;
using System.Text;

namespace Iba.Engine.Files;

/// <summary>Text that others wrote: names of files, tensors and classes, metadata, messages of servers and of libraries.</summary>
public static class ForeignText
{
    /// <summary>
    /// The text on one line, without anything that steers a terminal or reorders what stands around it: control characters, line and paragraph
    /// separators, invisible format characters (bidirectional controls, zero-width characters, tags), noncharacters and lone surrogates are
    /// written as JSON escapes, <c>\u001B</c>. Within a line of JSON the result therefore means the same as the text did.
    /// </summary>
    public static string Harmless(string text)
    {
        StringBuilder? escaped = null;
        for (int at = 0; at < text.Length;)
        {
            bool whole = Rune.TryGetRuneAt(text, at, out Rune rune);
            int length = whole ? rune.Utf16SequenceLength : 1;
            bool harmless = whole && IsHarmless(rune);
            if (!harmless)
                escaped ??= new StringBuilder(text, 0, at, 2 * text.Length);
            for (int end = at + length; at < end; at++)
                _ = harmless ? escaped?.Append(text[at]) : escaped!.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[at]:X4}");
        }
        return escaped?.ToString() ?? text;
    }

    /// <summary>
    /// The same for pictures, where an escape would be read as part of the text: each character that <see cref="Harmless"/> escapes becomes
    /// U+FFFD, a tab or a line break a blank. Every result is character data of XML 1.0 (section 2.2).
    /// </summary>
    public static string Replaced(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes()) // a lone surrogate is enumerated as U+FFFD
            plain.Append(rune.Value is '\t' or '\n' or '\r' ? " " : IsHarmless(rune) ? rune.ToString() : "\uFFFD");
        return plain.ToString();
    }

    private static bool IsHarmless(Rune rune) => (rune.Value & 0xFFFE) != 0xFFFE && rune.Value is < 0xFDD0 or > 0xFDEF
        && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate);
}
