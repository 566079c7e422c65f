using System.Text;
using System.Text.RegularExpressions;

namespace Iba.Datasets;

/// <summary>
/// A path with wildcards: <c>*</c> and <c>?</c> match characters of one name, <c>[abc]</c>, <c>[a-z]</c> and <c>[!abc]</c> one character, and
/// <c>**</c> any number of folders. As in a shell, a wildcard does not match the leading dot of a hidden name.
/// </summary>
internal sealed class GlobPattern
{
    private const string AnyFolders = "**";

    private readonly Segment[] _segments;

    private GlobPattern(string root, IEnumerable<string> segments) => (Root, _segments) = (root, [.. segments.Select(text => new Segment(text))]);

    /// <summary>The folders before the first wildcard; empty for the current folder.</summary>
    public string Root { get; }

    /// <summary>Parses a text; null if it has no wildcard.</summary>
    public static GlobPattern? Of(string text)
    {
        string root = Path.GetPathRoot(text) ?? "";
        string[] names = text[root.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
        int fixedNames = 0;
        // A folder whose name contains these characters literally is not a wildcard.
        while (fixedNames < names.Length && (!IsWild(names[fixedNames]) || Directory.Exists(Path.Join(root, names[fixedNames]))))
            root = Path.Join(root, names[fixedNames++]);
        return fixedNames == names.Length ? null : new GlobPattern(root, names[fixedNames..]);
    }

    /// <summary>Whether a file or folder below the root matches.</summary>
    /// <param name="names">The names that lead to it from the root.</param>
    public bool Takes(ReadOnlySpan<string> names) => Fits(0, names, partly: false);

    /// <summary>Whether something in a folder below the root can match.</summary>
    public bool Enters(ReadOnlySpan<string> names) => Fits(0, names, partly: true);

    private bool Fits(int at, ReadOnlySpan<string> names, bool partly)
    {
        if (names.IsEmpty)
            return at == _segments.Length ? !partly : partly || _segments[at..].All(segment => segment.IsAnyFolders);
        if (at == _segments.Length)
            return false;
        if (_segments[at].IsAnyFolders)
            return Fits(at + 1, names, partly) || (!names[0].StartsWith('.') && Fits(at, names[1..], partly));
        return _segments[at].Fits(names[0]) && Fits(at + 1, names[1..], partly);
    }

    private static bool IsWild(string name) => name.AsSpan().ContainsAny('*', '?', '[');

    /// <summary>The pattern of one name.</summary>
    private sealed class Segment(string text)
    {
        private readonly Regex _regex = new(Translate(text), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline
            | (RealPath.Comparison == StringComparison.Ordinal ? RegexOptions.None : RegexOptions.IgnoreCase));

        public bool IsAnyFolders => text == AnyFolders;

        public bool Fits(string name) => name == text || (name.StartsWith('.') == text.StartsWith('.') && _regex.IsMatch(name));

        private static string Translate(string text)
        {
            var regex = new StringBuilder("^");
            for (int i = 0; i < text.Length; i++)
            {
                if (text[i] == '[' && text.IndexOf(']', Math.Min(i + 2, text.Length)) is > 0 and int end)
                {
                    bool not = text[i + 1] is '!' or '^';
                    regex.Append(OneOf(text[(not ? i + 2 : i + 1)..end], not));
                    i = end;
                }
                else
                {
                    regex.Append(text[i] switch { '*' => ".*", '?' => ".", _ => Regex.Escape($"{text[i]}") });
                }
            }
            return regex.Append("\\z").ToString();
        }

        /// <summary>A character class: characters and ranges of characters.</summary>
        private static string OneOf(string letters, bool not)
        {
            var set = new StringBuilder(not ? "[^" : "[");
            for (int i = 0; i < letters.Length; i++)
            {
                bool range = i + 2 < letters.Length && letters[i + 1] == '-' && letters[i] <= letters[i + 2];
                set.Append(range ? $"\\u{(int)letters[i]:x4}-\\u{(int)letters[i + 2]:x4}" : $"\\u{(int)letters[i]:x4}");
                i += range ? 2 : 0;
            }
            return set.Append(']').ToString();
        }
    }
}
