using Iba.Rendering;

namespace Iba.Datasets;

/// <summary>
/// The photos below a folder. Links are followed, because data sets are often assembled from links, but every folder is entered once: its own
/// path has priority over a link to it. A link to a folder that contains it is not followed, since it leads out of the named folder.
/// </summary>
internal sealed class FolderWalk
{
    private static readonly char Separator = Path.DirectorySeparatorChar;

    private readonly string _root;
    private readonly SkippedFiles _skipped;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _entered = new(RealPath.Comparer), _taken = new(RealPath.Comparer);
    private readonly List<(string[] Names, string Real)> _found = [];

    /// <summary>Links, which are followed after everything that is reachable without them.</summary>
    private readonly Queue<(FileSystemInfo Link, Place In)> _links = [];

    /// <param name="root">The folder; empty for the current one.</param>
    /// <param name="pattern">The pattern that photos must match; null for all photos.</param>
    /// <param name="skipped">Counts the rest.</param>
    /// <param name="cancellation">Checked for every folder.</param>
    public FolderWalk(string root, GlobPattern? pattern, SkippedFiles skipped, CancellationToken cancellation)
    {
        (_root, _skipped, _cancellation) = (root, skipped, cancellation);
        if (RealPath.Of(root) is var real && Directory.Exists(real))
            Enter(new Place(real, [], pattern is null || pattern.Takes([]) ? null : pattern));
        while (_links.TryDequeue(out (FileSystemInfo Link, Place In) next))
            Follow(next.Link, next.In);
        _found.Sort((a, b) => Compare(a.Names, b.Names));
    }

    /// <summary>The photos in ordinal order of their names, files before sub-folders, with their resolved paths.</summary>
    public IEnumerable<(ImageFile File, string Real)> Photos => _found.Select(found => (
        new ImageFile(Path.Join([_root, .. found.Names]), string.Join('/', found.Names), found.Names.Length > 1 ? found.Names[0] : null), found.Real));

    /// <summary>Whether this program drew the picture.</summary>
    public static bool IsDrawn(FileInfo file) =>
        file.Name.EndsWith(".iba.png", StringComparison.OrdinalIgnoreCase)
        || (file.Extension.Equals(".png", StringComparison.OrdinalIgnoreCase) && file.Length > 0 && PngFile.IsDrawn(file.FullName));

    private void Enter(Place place)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (!_entered.Add(place.Real))
            return;
        try
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(place.Real).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
                Look(entry, place);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _skipped.AddUnreadable(Path.Join([_root, .. place.Names]), e);
        }
    }

    private void Look(FileSystemInfo entry, Place place)
    {
        if (entry.Name.Contains('\uFFFD') && !entry.Exists)
        {
            _skipped.Unnameable++;
            return;
        }
        string[] names = [.. place.Names, entry.Name];
        bool folder = entry is DirectoryInfo;
        if (place.Pattern is { } pattern)
        {
            if (folder ? !pattern.Enters(names) && !pattern.Takes(names) : !pattern.Takes(names))
                return;
        }
        else if (entry.Attributes.HasFlag(FileAttributes.Hidden))
        {
            if (folder)
                _skipped.HiddenFolders++;
            else
                _skipped.HiddenFiles++;
            return;
        }
        if (entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && entry.LinkTarget is not null)
            _links.Enqueue((entry, place));
        else
            Take(entry, entry.FullName, names, place.Pattern);
    }

    private void Follow(FileSystemInfo link, Place place)
    {
        string real = RealPath.Of(link.FullName);
        bool folder = Directory.Exists(real);
        // A path that is still a link here belongs to a circle of links.
        if (new FileInfo(real).LinkTarget is not null || (!folder && !File.Exists(real)))
            _skipped.BrokenLinks++;
        else if (folder && $"{place.Real}{Separator}".StartsWith($"{real.TrimEnd(Separator)}{Separator}", RealPath.Comparison))
            _skipped.CircularLinks += _entered.Contains(real) ? 0 : 1;
        else
            Take(folder ? new DirectoryInfo(real) : new FileInfo(real), real, [.. place.Names, link.Name], place.Pattern);
    }

    private void Take(FileSystemInfo entry, string real, string[] names, GlobPattern? pattern)
    {
        if (entry is FileInfo file)
            Take(file, real, names);
        else
            Enter(new Place(real, names, pattern is null || pattern.Takes(names) ? null : pattern));
    }

    private void Take(FileInfo file, string real, string[] names)
    {
        string ending = Path.GetExtension(names[^1]).ToLowerInvariant();
        if (!PhotoSet.Endings.Contains(ending))
            _skipped.AddFormat(ending);
        else if (!file.Exists || file.Length == 0)
            _skipped.Empty++;
        else if (IsDrawn(file))
            _skipped.Drawn++;
        else if (!_taken.Add(real))
            _skipped.Repeated++;
        else
            _found.Add((names, real));
    }

    /// <summary>Files before sub-folders, each in ordinal order.</summary>
    private static int Compare(string[] a, string[] b)
    {
        int same = 0;
        while (same < Math.Min(a.Length, b.Length) - 1 && a[same] == b[same])
            same++;
        bool aIsFile = same == a.Length - 1, bIsFile = same == b.Length - 1;
        return aIsFile == bIsFile ? string.CompareOrdinal(a[same], b[same]) : aIsFile ? -1 : 1;
    }

    /// <summary>A folder to visit.</summary>
    /// <param name="Real">Its path with all links resolved.</param>
    /// <param name="Names">The names that lead to it from the root.</param>
    /// <param name="Pattern">The pattern that photos in it must match; null for all photos.</param>
    private sealed record Place(string Real, string[] Names, GlobPattern? Pattern);
}
