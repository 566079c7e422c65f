using Xunit;

namespace Tests.Emulator;

/// <summary>NVIDIA's own libraries, which cuda/fetch_libraries.sh puts into the cache folder.</summary>
internal static class FetchedLibraries
{
    private static readonly string Cache =
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");

    /// <summary>The path of a library, or the test is skipped.</summary>
    /// <param name="group">The group of fetch_libraries.sh.</param>
    /// <param name="pattern">Its file name.</param>
    public static string Find(string group, string pattern)
    {
        string folder = Path.Combine(Cache, "iba", group);
        string? file = Directory.Exists(folder) ? Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        Assert.SkipWhen(file is null, $"{pattern} is not in {folder}: cuda/fetch_libraries.sh puts it there");
        return file!;
    }
}
