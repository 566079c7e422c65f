using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A disk cache of results that are slow to compute: in the folder that IBA_CACHE names, else in the user's local application data. A cache
/// that cannot be read or written behaves like an empty one and never raises an error.
/// </summary>
/// <param name="root">The folder, or null to cache nothing.</param>
internal sealed class CacheFolder(string? root)
{
    /// <summary>Upper bound of a cached file's bytes: a longer file was not written by this program.</summary>
    private const int LongestFile = 64 << 20;

    /// <summary>The user's cache.</summary>
    public static CacheFolder OfUser()
    {
        if (Environment.GetEnvironmentVariable("IBA_CACHE") is { Length: > 0 } chosen)
            return new CacheFolder(chosen);
        string folder = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return new CacheFolder(folder.Length > 0 ? Path.Combine(folder, "iba") : null);
    }

    /// <summary>The file's bytes, or null.</summary>
    public byte[]? Read(string kind, string file)
    {
        if (root is null)
            return null;
        try
        {
            var found = new FileInfo(Path.Combine(root, kind, file));
            return found.Exists && found.Length is > 0 and < LongestFile ? File.ReadAllBytes(found.FullName) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the file atomically.</summary>
    public void Write(string kind, string file, ReadOnlySpan<byte> bytes)
    {
        if (root is null)
            return;
        try
        {
            AtomicFile.Write(Path.Combine(root, kind, file), bytes);
        }
        catch (Exception e) when (e is FileWriteException or IOException or UnauthorizedAccessException)
        {
            // It is computed again next time.
        }
    }
}
