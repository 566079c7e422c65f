namespace Iba.Datasets;

/// <summary>Where a path leads when every link on the way is followed: two paths lead to one file when theirs are equal.</summary>
internal static class RealPath
{
    /// <summary>Links on one way; Linux takes as many.</summary>
    private const int MostLinks = 40;

    /// <summary>How names are compared: as the system's usual file systems do.</summary>
    public static StringComparison Comparison { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    public static StringComparer Comparer { get; } = StringComparer.FromComparison(Comparison);

    /// <summary>The path, whole and free of links and dots. Links in a circle stay as they are: they lead to nothing.</summary>
    public static string Of(string path)
    {
        // Windows drops ".." before it looks at links, other systems after.
        string whole = OperatingSystem.IsWindows() ? Path.GetFullPath(path) : Path.Combine(Environment.CurrentDirectory, path);
        string real = Path.GetPathRoot(whole)!;
        var ahead = new Stack<string>();
        Push(whole[real.Length..]);
        for (int links = 0; ahead.TryPop(out string? name);)
        {
            if (name == ".")
                continue;
            if (name == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }
            string next = Path.Join(real, name);
            string? target = links < MostLinks ? Target(next) : null;
            if (target is null)
            {
                real = next;
                continue;
            }
            links++;
            if (Path.IsPathRooted(target))
                (real, target) = (Path.GetPathRoot(target)!, target[Path.GetPathRoot(target)!.Length..]);
            Push(target);
        }
        return real;

        void Push(string names)
        {
            foreach (string name in names.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Reverse())
                ahead.Push(name);
        }
    }

    private static string? Target(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
