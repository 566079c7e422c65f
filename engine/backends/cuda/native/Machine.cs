using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>What the search for libraries can see of a machine; a record, so that tests can describe machines.</summary>
/// <param name="IsWindows">Windows, or else Linux.</param>
/// <param name="Variable">An environment variable, or null.</param>
/// <param name="Entries">The names of the files and folders in a folder; none where it does not exist.</param>
/// <param name="Target">The target of a link, one step; the path itself if it is not a link.</param>
/// <param name="Bytes">The size of a file, of the one a link leads to in the end; null if it cannot be told.</param>
/// <param name="Loaded">Paths of libraries that the process has loaded already.</param>
internal sealed record Machine(
    bool IsWindows,
    Func<string, string?> Variable,
    Func<string, IReadOnlyCollection<string>> Entries,
    Func<string, string> Target,
    Func<string, long?> Bytes,
    IReadOnlyList<string> Loaded)
{
    /// <summary>The machine this program runs on. Each folder is read once: a search asks for dozens of files in folders of thousands.</summary>
    public static Machine Here()
    {
        var listed = new ConcurrentDictionary<string, IReadOnlyCollection<string>>();
        return new Machine(RuntimeInformation.IsOSPlatform(OSPlatform.Windows), Environment.GetEnvironmentVariable,
            folder => listed.GetOrAdd(folder, List), Follow, Measure, LoadedHere());
    }

    /// <summary>Joins folder and name in the notation of that machine's system.</summary>
    public string Join(params IEnumerable<string> parts) => string.Join(IsWindows ? '\\' : '/', parts.Select(part => part.TrimEnd('/', '\\')));

    /// <summary>The entries of a variable that holds a list of folders, without empty ones.</summary>
    public IEnumerable<string> Folders(string variable) =>
        (Variable(variable) ?? "").Split(IsWindows ? ';' : ':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IReadOnlyCollection<string> List(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private static string Follow(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: false)?.FullName ?? path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return path;
        }
    }

    private static long? Measure(string path)
    {
        try
        {
            var file = new FileInfo((File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)).FullName);
            return file.Exists ? file.Length : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static IReadOnlyList<string> LoadedHere()
    {
        try
        {
            // The last column of a line of /proc/self/maps is the mapped file.
            return File.Exists("/proc/self/maps")
                ? [.. File.ReadLines("/proc/self/maps").Select(line => line[(line.IndexOf('/') is var at and >= 0 ? at : line.Length)..])
                    .Where(path => path.Length > 0).Distinct()]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
