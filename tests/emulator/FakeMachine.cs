using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>A machine's file system made of empty files below a temporary folder, Linux or Windows by its own paths.</summary>
internal sealed class FakeMachine(bool windows = false) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Dictionary<string, string> Variables { get; } = [];

    public List<string> Loaded { get; } = [];

    public Machine Machine => new(windows, name => Variables.GetValueOrDefault(name), List, Follow, Measure, Loaded);

    /// <summary>Makes empty files in a folder of the machine.</summary>
    public FakeMachine Put(string folder, params string[] files)
    {
        Directory.CreateDirectory(Real(folder));
        foreach (string file in files)
            File.WriteAllBytes(Path.Combine(Real(folder), file), []);
        return this;
    }

    /// <summary>Makes a versioned file and the link to it by which it is asked for, as Debian's packages do.</summary>
    public FakeMachine Link(string folder, string name, string target)
    {
        Put(folder, target);
        File.CreateSymbolicLink(Path.Combine(Real(folder), name), target);
        return this;
    }

    /// <summary>Makes a link to another path of the machine.</summary>
    public FakeMachine Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Real(path))!);
        File.CreateSymbolicLink(Real(path), Real(target));
        return this;
    }

    public void Remove(string folder, string file) => File.Delete(Path.Combine(Real(folder), file));

    /// <summary>The path below the temporary folder. A bare name is unchanged.</summary>
    public string Real(string path) =>
        path.IndexOfAny(['/', '\\']) < 0 ? path : _folder["root"] + "/" + path.Replace('\\', '/').Replace(":", "").TrimStart('/');

    public void Dispose() => _folder.Dispose();

    private long? Measure(string path) => File.Exists(Real(path)) ? File.ReadAllBytes(Real(path)).Length : null;

    private IReadOnlyCollection<string> List(string folder) => Directory.Exists(Real(folder))
        ? [.. Directory.EnumerateFileSystemEntries(Real(folder)).Select(entry => Path.GetFileName(entry)!)]
        : [];

    private string Follow(string path) => File.ResolveLinkTarget(Real(path), returnFinalTarget: false)?.FullName[_folder["root"].Length..] ?? path;
}
