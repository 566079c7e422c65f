namespace Iba.Datasets;

/// <summary>A path with every link resolved: two paths lead to the same file if their real paths are equal.</summary>
internal static class RealPath
{
    /// <summary>Upper bound of the links on one path, as in Linux.</summary>
    private const int MostLinks = 40;

    /// <summary>The comparison of names in the system's usual file systems.</summary>
    public static StringComparison Comparison { get; } =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    public static StringComparer Comparer { get; } = StringComparer.FromComparison(Comparison);

    /// <summary>The absolute path without links and dots. Circular links, which have no target, are kept.</summary>
    public static string Of(string path)
    {
        // Windows resolves ".." before links, other systems after.
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
