using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>
/// Loads empty files at the paths of a machine's libraries: the name selects the fake. A file that is not there, or one
/// that a test breaks, does not load.
/// </summary>
/// <param name="machine">Whose files these are.</param>
internal sealed class FakeLoader(FakeMachine machine) : Loader
{
    private readonly List<string> _loaded = [];
    private readonly Dictionary<string, Func<string, nint>> _fakes = [];
    private readonly HashSet<string> _known = [];
    private readonly HashSet<string> _broken = [];

    /// <summary>Paths in the order in which they were loaded.</summary>
    public IReadOnlyList<string> Loaded => _loaded;

    /// <summary>Files whose names begin so have these entry points.</summary>
    public FakeLoader With(string stem, Func<string, nint> find)
    {
        _fakes[stem] = find;
        return this;
    }

    /// <summary>Lets the system's loader know a bare name.</summary>
    public FakeLoader Knows(string name)
    {
        _known.Add(name);
        return this;
    }

    /// <summary>Lets the system's loader know a bare name no longer.</summary>
    public bool Forgets(string name) => _known.Remove(name);

    /// <summary>Lets a file that is there not load.</summary>
    public void Breaks(string path) => _broken.Add(path);

    public override nint Load(string path, out string? reason)
    {
        reason = null;
        if (_broken.Contains(path))
        {
            reason = "file too short";
            return 0;
        }
        if (!_known.Contains(path) && !File.Exists(machine.Real(path)))
        {
            reason = "cannot open shared object file: No such file or directory";
            return 0;
        }
        _loaded.Add(path);
        return _loaded.Count;
    }

    public override nint Find(nint library, string name)
    {
        string file = Path.GetFileName(_loaded[(int)library - 1]);
        return _fakes.Where(fake => file.StartsWith(fake.Key, StringComparison.Ordinal)).OrderByDescending(fake => fake.Key.Length)
            .Select(fake => fake.Value(name)).FirstOrDefault();
    }
}
