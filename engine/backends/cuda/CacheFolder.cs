using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A disk cache of results that are slow to compute: in the folder that IBA_CACHE names, else in the user's local application data. A cache
/// that cannot be read or written behaves like an empty one and never raises an error. What lies there is code that will run, so a file is passed over
/// if another user owns it or may write it, or its folder.
/// </summary>
/// <param name="root">The folder, or null to cache nothing.</param>
internal sealed class CacheFolder(string? root)
{
    /// <summary>Upper bound of a cached file's bytes: a longer file was not written by this program.</summary>
    private const int LongestFile = 256 << 20;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private const UnixFileMode OwnFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly List<string> _notes = [];

    /// <summary>The user's cache.</summary>
    public static CacheFolder OfUser()
    {
        if (Environment.GetEnvironmentVariable("IBA_CACHE") is { Length: > 0 } chosen)
            return new CacheFolder(chosen);
        string folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return new CacheFolder(folder.Length > 0 ? Path.Combine(folder, "iba") : null);
    }

    /// <summary>Files and folders that were passed over because they are not the user's alone, each once.</summary>
    public IReadOnlyList<string> Notes
    {
        get
        {
            lock (_notes)
                return [.. _notes];
        }
    }

    /// <summary>Where a file lies; null if nothing is cached.</summary>
    public string? PathOf(string kind, string file) => root is null ? null : Path.Combine(root, kind, file);

    /// <summary>The names of the files of a kind that match a pattern, in order.</summary>
    public IReadOnlyList<string> Files(string kind, string pattern)
    {
        if (PathOf(kind, "") is not { } folder)
            return [];
        try
        {
            return Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, pattern).Select(file => Path.GetFileName(file)!).Order()] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The file's bytes, or null.</summary>
    public byte[]? Read(string kind, string file)
    {
        if (PathOf(kind, file) is not { } path)
            return null;
        try
        {
            var found = new FileInfo(path);
            return found.Exists && found.Length is > 0 and < LongestFile && IsOwn(root!) && IsOwn(found.DirectoryName!) && IsOwn(path)
                ? File.ReadAllBytes(path)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the file atomically; nobody else may write it.</summary>
    /// <returns>Whether it was written. If not, it is computed again next time.</returns>
    public bool Write(string kind, string file, ReadOnlySpan<byte> bytes)
    {
        if (PathOf(kind, file) is not { } path)
            return false;
        try
        {
            if (OperatingSystem.IsWindows())
            {
                AtomicFile.Write(path, bytes);
                return true;
            }
            // One by one: of several, only the last would get the mode.
            Directory.CreateDirectory(root!, OwnFolder);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnFolder);
            AtomicFile.Write(path, bytes);
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) & ~OthersWrite);
            return true;
        }
        catch (Exception e) when (e is FileWriteException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether nobody but this user can have written what is there. On Windows the profile's own rights see to it.</summary>
    private bool IsOwn(string path)
    {
        if (OperatingSystem.IsWindows())
            return true;
        string? reason = FileStatus.Of(path, followsLink: Directory.Exists(path)) switch
        {
            null => "it is not there",
            { Type: FileType.Link } => "it is a link",
            { } status when status.Owner != FileStatus.User => "another user owns it",
            _ when (File.GetUnixFileMode(path) & OthersWrite) != 0 => "others may write it (chmod go-w)",
            _ => null,
        };
        if (reason is null)
            return true;
        string note = $"{path}: passed over, because it holds code and {reason}";
        lock (_notes)
        {
            if (!_notes.Contains(note))
                _notes.Add(note);
        }
        return false;
    }
}
