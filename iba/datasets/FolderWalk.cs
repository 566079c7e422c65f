using Iba.Rendering;

namespace Iba.Datasets;

/// <summary>
/// The photos below a folder. Links are followed, because data sets are often put together from links, but every folder is entered once: the
/// folder's own path wins over a link to it. A link to a folder that it lies in is not followed; it leads out of what was named.
/// </summary>
internal sealed class FolderWalk
{
    private static readonly char Separator = Path.DirectorySeparatorChar;

    private readonly string _root;
    private readonly PassedOver _passedOver;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _entered = new(RealPath.Comparer), _taken = new(RealPath.Comparer);
    private readonly List<(string[] Names, string Real)> _found = [];

    /// <summary>Links, to be followed when all that can be reached without them has been seen.</summary>
    private readonly Queue<(FileSystemInfo Link, Place In)> _links = [];

    /// <param name="root">The folder; empty for the current one.</param>
    /// <param name="pattern">What photos must fit; null for all of them.</param>
    /// <param name="passedOver">Counts the rest.</param>
    /// <param name="cancellation">Checked for every folder.</param>
    public FolderWalk(string root, GlobPattern? pattern, PassedOver passedOver, CancellationToken cancellation)
    {
        (_root, _passedOver, _cancellation) = (root, passedOver, cancellation);
        if (RealPath.Of(root) is var real && Directory.Exists(real))
            Enter(new Place(real, [], pattern is null || pattern.Takes([]) ? null : pattern));
        while (_links.TryDequeue(out (FileSystemInfo Link, Place In) next))
            Follow(next.Link, next.In);
        _found.Sort((a, b) => Compare(a.Names, b.Names));
    }

    /// <summary>The photos in ordinal order of their names, files before sub-folders, with their paths free of links.</summary>
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
            _passedOver.AddUnreadable(Path.Join([_root, .. place.Names]), e);
        }
    }

    private void Look(FileSystemInfo entry, Place place)
    {
        if (entry.Name.Contains('\uFFFD') && !entry.Exists)
        {
            _passedOver.Unnameable++;
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
                _passedOver.HiddenFolders++;
            else
                _passedOver.HiddenFiles++;
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
        // What is still a link after that is one of a circle.
        if (new FileInfo(real).LinkTarget is not null || (!folder && !File.Exists(real)))
            _passedOver.BrokenLinks++;
        else if (folder && $"{place.Real}{Separator}".StartsWith($"{real.TrimEnd(Separator)}{Separator}", RealPath.Comparison))
            _passedOver.CircularLinks += _entered.Contains(real) ? 0 : 1;
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
            _passedOver.AddFormat(ending);
        else if (!file.Exists || file.Length == 0)
            _passedOver.Empty++;
        else if (IsDrawn(file))
            _passedOver.Drawn++;
        else if (!_taken.Add(real))
            _passedOver.Repeated++;
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

    /// <summary>A folder on the way.</summary>
    /// <param name="Real">Its path free of links.</param>
    /// <param name="Names">The names that lead to it from the root.</param>
    /// <param name="Pattern">What photos in it must fit; null where all are taken.</param>
    private sealed record Place(string Real, string[] Names, GlobPattern? Pattern);
}
