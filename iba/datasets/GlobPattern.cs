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

    /// <summary>The pattern of one name: for each letter what fits it, null for any number of any letters.</summary>
    private sealed class Segment(string text)
    {
        private static readonly bool IgnoresCase = RealPath.Comparison != StringComparison.Ordinal;

        private readonly Func<char, bool>?[] _letters = [.. Parse(text)];

        public bool IsAnyFolders => text == AnyFolders;

        public bool Fits(string name) => name == text || (name.StartsWith('.') == text.StartsWith('.') && FitsLetters(name));

        /// <summary>
        /// Where a letter does not fit, the last * takes one more. Earlier ones need not be tried again, so the time is bounded by the product of the lengths.
        /// </summary>
        private bool FitsLetters(string name)
        {
            int at = 0, star = -1, from = 0;
            for (int i = 0; i < name.Length;)
            {
                if (at < _letters.Length && _letters[at] is null)
                {
                    star = at++;
                    from = i;
                }
                else if (at < _letters.Length && _letters[at]!(name[i]))
                {
                    at++;
                    i++;
                }
                else if (star >= 0)
                {
                    at = star + 1;
                    i = ++from;
                }
                else
                {
                    return false;
                }
            }
            return _letters[at..].All(letter => letter is null);
        }

        private static IEnumerable<Func<char, bool>?> Parse(string text)
        {
            for (int i = 0; i < text.Length; i++)
            {
                char letter = text[i];
                if (letter == '[' && text.IndexOf(']', Math.Min(i + 2, text.Length)) is > 0 and int end)
                {
                    bool not = text[i + 1] is '!' or '^';
                    string letters = text[(not ? i + 2 : i + 1)..end];
                    yield return found => IsOneOf(letters, found) != not;
                    i = end;
                }
                else
                {
                    yield return letter switch { '*' => null, '?' => _ => true, _ => found => Spellings(found).Contains(letter) };
                }
            }
        }

        /// <summary>Whether a letter is in a class of letters and ranges of letters.</summary>
        private static bool IsOneOf(string letters, char found)
        {
            for (int i = 0; i < letters.Length; i++)
            {
                bool range = i + 2 < letters.Length && letters[i + 1] == '-' && letters[i] <= letters[i + 2];
                (char least, char most) = (letters[i], letters[range ? i + 2 : i]);
                if (Spellings(found).Any(letter => letter >= least && letter <= most))
                    return true;
                i += range ? 2 : 0;
            }
            return false;
        }

        /// <summary>The letter, and where names ignore case, its other case.</summary>
        private static char[] Spellings(char letter) => IgnoresCase ? [letter, char.ToUpperInvariant(letter), char.ToLowerInvariant(letter)] : [letter];
    }
}
