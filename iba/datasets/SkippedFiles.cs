namespace Iba.Datasets;

/// <summary>Files that were skipped because they are not photos, counted by reason.</summary>
internal sealed class SkippedFiles
{
    private const int MostFormats = 8, MostFolders = 5;

    private readonly Dictionary<string, int> _formats = [];
    private readonly List<string> _unreadable = [];

    /// <summary>Pictures that this program drew.</summary>
    public int Drawn { get; set; }

    /// <summary>Names whose bytes are not UTF-8, which .NET cannot open.</summary>
    public int Unnameable { get; set; }

    public int HiddenFiles { get; set; }

    public int HiddenFolders { get; set; }

    /// <summary>Files of length 0; pipes, sockets and devices have that length, too.</summary>
    public int Empty { get; set; }

    /// <summary>Links without a target, and circles of links.</summary>
    public int BrokenLinks { get; set; }

    /// <summary>Links to a folder that contains them.</summary>
    public int CircularLinks { get; set; }

    /// <summary>Further names of photos that are in the set already.</summary>
    public int Repeated { get; set; }

    /// <summary>Counts a file of another format.</summary>
    public void AddFormat(string ending) => _formats[ending] = _formats.GetValueOrDefault(ending) + 1;

    /// <summary>Notes a folder that cannot be read.</summary>
    public void AddUnreadable(string folder, Exception reason) =>
        _unreadable.Add($"{folder}: the folder cannot be read and was skipped ({reason.Message.TrimEnd('.')})");

    public void Add(SkippedFiles other)
    {
        Drawn += other.Drawn;
        Unnameable += other.Unnameable;
        HiddenFiles += other.HiddenFiles;
        HiddenFolders += other.HiddenFolders;
        Empty += other.Empty;
        BrokenLinks += other.BrokenLinks;
        CircularLinks += other.CircularLinks;
        Repeated += other.Repeated;
        foreach ((string ending, int count) in other._formats)
            _formats[ending] = _formats.GetValueOrDefault(ending) + count;
        _unreadable.AddRange(other._unreadable);
    }

    /// <summary>A line for each reason.</summary>
    public IEnumerable<string> Lines
    {
        get
        {
            foreach (string line in _unreadable.Take(MostFolders))
                yield return line;
            if (_unreadable.Count - MostFolders is > 0 and var more)
                yield return $"{Count(more, "more folder", "more folders")} cannot be read and {Was(more)} skipped";
            if (Drawn > 0)
                yield return $"{Count(Drawn, "picture", "pictures")} that this program drew {Was(Drawn)} skipped";
            if (Unnameable > 0)
                yield return $"{Count(Unnameable, "name that is", "names that are")} not UTF-8 {Was(Unnameable)} skipped: rename the files to use them";
            if (HiddenFiles + HiddenFolders > 0)
                yield return $"{Hidden} {Was(HiddenFiles + HiddenFolders)} skipped";
            if (_formats.Values.Sum() is > 0 and var files)
                yield return $"{Count(files, "file of another format", "files of other formats")} {Was(files)} skipped: {Formats}";
            if (Empty > 0)
                yield return $"{Count(Empty, "empty file, pipe or device", "empty files, pipes or devices")} {Was(Empty)} skipped";
            if (BrokenLinks > 0)
                yield return $"{Count(BrokenLinks, "broken link", "broken links")} {Was(BrokenLinks)} skipped";
            if (CircularLinks > 0)
                yield return $"{Count(CircularLinks, "link", "links")} to a folder above {Was(CircularLinks)} not followed";
            if (Repeated > 0)
                yield return $"{Count(Repeated, "further name", "further names")} of the same photos {Was(Repeated)} skipped";
        }
    }

    private string Hidden => string.Join(" and ", ((string[])
    [
        HiddenFiles > 0 ? Count(HiddenFiles, "hidden file", "hidden files") : "",
        HiddenFolders > 0 ? Count(HiddenFolders, "hidden folder", "hidden folders") : "",
    ]).Where(words => words.Length > 0));

    private string Formats
    {
        get
        {
            var most = _formats.OrderByDescending(format => format.Value).ThenBy(format => format.Key, StringComparer.Ordinal).ToArray();
            string some = string.Join(", ", most.Take(MostFormats).Select(format => $"{format.Value} {(format.Key == "" ? "without an ending" : format.Key)}"));
            return most.Length <= MostFormats ? some : $"{some}, {most.Skip(MostFormats).Sum(format => format.Value)} others";
        }
    }

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";

    private static string Was(int count) => count == 1 ? "was" : "were";
}
