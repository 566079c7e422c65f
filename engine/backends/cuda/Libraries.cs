using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// NVIDIA's libraries on this machine. A missing library is null, and <see cref="Tried"/> and <see cref="Refused"/> say why; loading never
/// throws.
/// </summary>
internal sealed class Libraries
{
    private readonly Loader _loader;
    private readonly bool _isWindows;
    private readonly List<(string Path, string Reason)> _refused = [];
    private readonly List<string> _tried = [];

    private Libraries(Machine machine, Loader loader, bool runs)
    {
        (_loader, _isWindows) = (loader, machine.IsWindows);
        var paths = new LibraryPaths(machine);
        LoadDriver(paths);
        if (Driver is not null && Driver.Version >= 1000)
        {
            AreLoaded = true;
            int major = runs ? Driver.Version / 1000 : LibraryNames.NewestMajor;
            LoadToolkit(paths, major);
            LoadCudnn(paths, major);
        }
        else
        {
            LookOnly(paths);
        }
        _tried.AddRange(paths.Tried);
        Tried = [.. _tried.Distinct()];
        Files = [.. new[] { Toolkit, CudnnSet }.OfType<LibrarySet>().SelectMany(set => set.InOrder)
            .Select(file => new LibraryFile(file.Path, machine.Bytes(file.Path)))];
    }

    /// <summary>Finds and loads all libraries.</summary>
    /// <param name="machine">Where to look.</param>
    /// <param name="loader">Loads them.</param>
    /// <param name="runs">
    /// Whether something is to run on this machine's GPU. If plans are only built, for another machine, the driver's CUDA version does not count.
    /// </param>
    public static Libraries Load(Machine machine, Loader loader, bool runs = true) => new(machine, loader, runs);

    public Driver? Driver { get; private set; }

    public string? DriverPath { get; private set; }

    /// <summary>Whether the driver was found, without which the others are searched for and not loaded.</summary>
    public bool AreLoaded { get; }

    public Nvrtc? Nvrtc { get; private set; }

    public CublasLt? CublasLt { get; private set; }

    public Cudnn? Cudnn { get; private set; }

    /// <summary>Where NVRTC and cuBLASLt were found.</summary>
    public LibrarySet? Toolkit { get; private set; }

    /// <summary>Where cuDNN was found.</summary>
    public LibrarySet? CudnnSet { get; private set; }

    /// <summary>The problem with that cuDNN, or null.</summary>
    public string? CudnnFault { get; private set; }

    /// <summary>The full versions of cuDNN's parts, if their file names have them.</summary>
    public IReadOnlyDictionary<Library, string> CudnnVersions { get; private set; } = new Dictionary<Library, string>();

    /// <summary>The files of the toolkit and of cuDNN, as far as they were found.</summary>
    public IReadOnlyList<LibraryFile> Files { get; }

    /// <summary>Every file that was searched for, in order.</summary>
    public IReadOnlyList<string> Tried { get; }

    /// <summary>Files that were found and failed to load.</summary>
    public IReadOnlyList<(string Path, string Reason)> Refused => _refused;

    private void LoadDriver(LibraryPaths paths)
    {
        foreach (string path in paths.Driver())
        {
            _tried.Add(path);
            Driver = Table(path, find => new Driver(find));
            if (Driver is null)
                continue;
            DriverPath = path;
            return;
        }
    }

    private void LoadToolkit(LibraryPaths paths, int driverMajor)
    {
        IEnumerable<LibrarySet> sets = paths.Toolkits(driverMajor);
        foreach (LibrarySet set in sets.Concat(ByName(driverMajor)))
        {
            Dictionary<Library, nint> loaded = Preload(set);
            Nvrtc = Table(set, loaded, Library.Nvrtc, find => new Nvrtc(find));
            CublasLt = Table(set, loaded, Library.CublasLt, find => new CublasLt(find));
            if (Nvrtc is null && CublasLt is null)
                continue;
            Toolkit = set;
            return;
        }
    }

    /// <summary>
    /// A folder with matching parts is preferred to one with mixed versions, regardless of its place in the search order.
    /// </summary>
    private void LoadCudnn(LibraryPaths paths, int driverMajor)
    {
        foreach ((LibrarySet set, IReadOnlyDictionary<Library, string> versions) in CudnnsBestFirst(paths, driverMajor))
        {
            CudnnSet ??= set;
            if (CudnnSet == set)
                (CudnnVersions, CudnnFault) = (versions, FaultOf(set, versions));
            Dictionary<Library, nint> loaded = Preload(set);
            Cudnn = Table(set, loaded, Library.Cudnn, find => new Cudnn(find));
            if (Cudnn is null)
                continue;
            (CudnnSet, CudnnVersions, CudnnFault) = (set, versions, FaultOf(set, versions));
            return;
        }
    }

    private void LookOnly(LibraryPaths paths)
    {
        Toolkit = paths.Toolkits(LibraryNames.NewestMajor) is [var first, ..] ? first : null;
        foreach ((LibrarySet set, IReadOnlyDictionary<Library, string> versions) in CudnnsBestFirst(paths, LibraryNames.NewestMajor).Take(1))
            (CudnnSet, CudnnVersions, CudnnFault) = (set, versions, FaultOf(set, versions));
    }

    private IEnumerable<(LibrarySet Set, IReadOnlyDictionary<Library, string> Versions)> CudnnsBestFirst(
        LibraryPaths paths, int driverMajor) =>
        paths.Cudnns(Toolkit, driverMajor).Select(set => (set, paths.Versions(set))).ToList().OrderBy(each => FaultOf(each.set, each.Item2) is null ? 0 : 1);

    /// <summary>The last resort: bare names, which the system's loader may find in places unknown to this search.</summary>
    private IEnumerable<LibrarySet> ByName(int driverMajor)
    {
        for (int major = Math.Min(driverMajor, LibraryNames.NewestMajor); major >= LibraryNames.OldestMajor; major--)
        {
            int cuda = major;
            yield return new LibrarySet(new Place("the system's loader", []), major,
                new[] { Library.Nvrtc, Library.CublasLt }.ToDictionary(library => library, library => LibraryNames.Of(library, cuda, _isWindows)));
        }
    }

    private string? FaultOf(LibrarySet set, IReadOnlyDictionary<Library, string> versions)
    {
        string folder = set.Place.Folders[0];
        string[] missing = [.. LibraryNames.CudnnCore.Where(part => !set.Has(part)).Select(part => LibraryNames.Of(part, set.Major, _isWindows))];
        if (missing.Length > 0)
            return $"{folder} lacks {string.Join(", ", missing)}: cuDNN would look for it elsewhere and meet another version";
        if (versions.Values.Distinct().Count() > 1)
            return $"{folder} mixes versions: {string.Join(", ", versions.Select(part => $"{part.Key} {part.Value}"))}";
        return null;
    }

    private Dictionary<Library, nint> Preload(LibrarySet set)
    {
        var loaded = new Dictionary<Library, nint>();
        foreach ((Library library, string path) in set.InOrder)
        {
            nint handle = _loader.Load(path, out string? reason);
            if (handle != 0)
                loaded[library] = handle;
            else
                _refused.Add((path, reason ?? "the system's loader gives no reason"));
        }
        return loaded;
    }

    private T? Table<T>(string path, Func<Func<string, nint>, T> make) where T : class
    {
        nint handle = _loader.Load(path, out string? reason);
        if (handle != 0)
            return Table(path, handle, make);
        _refused.Add((path, reason ?? "the system's loader gives no reason"));
        return null;
    }

    private T? Table<T>(LibrarySet set, Dictionary<Library, nint> loaded, Library library, Func<Func<string, nint>, T> make) where T : class =>
        loaded.TryGetValue(library, out nint handle) ? Table(set.Files[library], handle, make) : null;

    private T? Table<T>(string path, nint handle, Func<Func<string, nint>, T> make) where T : class
    {
        try
        {
            return make(name => _loader.Find(handle, name));
        }
        catch (EntryPointNotFoundException e)
        {
            _refused.Add((path, e.Message));
            return null;
        }
    }
}
