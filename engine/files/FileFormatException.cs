using System.Text;

namespace Iba.Engine.Files;

/// <summary>A file that its reader cannot use. The message names the file, the reason and what to do next.</summary>
/// <param name="path">The file.</param>
/// <param name="reason">What is wrong with it, without a full stop.</param>
/// <param name="advice">The next step for the user.</param>
/// <param name="inner">The underlying error, if any.</param>
/// <param name="details">Lines below the reason, one for each error.</param>
public sealed class FileFormatException(
    string path, string reason, string advice, Exception? inner = null, IReadOnlyList<string>? details = null)
    : IbaException(path, reason, advice, inner, Text(path, reason, advice, details ?? []))
{
    private const int LongestReason = 1 << 10, LongestDetail = 200, MostDetails = 1000;

    /// <summary>
    /// A reason quotes names from the file. In them, a control character could drive a terminal, a line feed could fake a line of output, a
    /// bidirectional override could reorder it, and a name could be megabytes long.
    /// </summary>
    private static string Text(string path, string reason, string advice, IReadOnlyList<string> details)
    {
        var text = new StringBuilder($"{Printable(path, path.Length)}: {Printable(reason, LongestReason)}");
        if (details.Count == 0)
            return text.Append($". {advice}").ToString();
        foreach (string detail in details.Take(MostDetails))
            text.Append($"\n  {Printable(detail, LongestDetail)}");
        if (details.Count > MostDetails)
            text.Append($"\n  and {details.Count - MostDetails} more");
        return text.Append($"\n{advice}").ToString();
    }

    private static string Printable(string text, int longest) => ForeignText.Harmless(text.Length > longest ? text[..longest] + "..." : text);
}
