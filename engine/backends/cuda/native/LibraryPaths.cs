namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>The folders of one installation.</summary>
/// <param name="Origin">What points to it, in words.</param>
/// <param name="Folders">Where its libraries may be.</param>
internal sealed record Place(string Origin, IReadOnlyList<string> Folders);

/// <summary>Libraries of one place, by their full paths.</summary>
/// <param name="Place">The place.</param>
/// <param name="Major">The CUDA major that they belong to.</param>
/// <param name="Files">The files found.</param>
internal sealed record LibrarySet(Place Place, int Major, IReadOnlyDictionary<Library, string> Files)
{
    /// <summary>The libraries of a set, in the order in which they must be loaded.</summary>
    public IEnumerable<(Library Library, string Path)> InOrder => Files.OrderBy(file => file.Key).Select(file => (file.Key, file.Value));

    public bool Has(Library library) => Files.ContainsKey(library);
}

/// <summary>
/// The search path of NVIDIA's libraries, most specific place first: IBA_CUDA_DIRS, libraries already loaded, Python packages, conda,
/// the system's own folders, CUDA_PATH. All toolkit libraries of one CUDA major come from one place, and cuDNN's parts from one folder:
/// mixed sets load and then fail in obscure ways. Nothing is loaded or run here.
/// </summary>
internal sealed class LibraryPaths
{
    private static readonly string[] RootVariables = ["CUDA_PATH", "CUDA_HOME"];
    private static readonly string[] PackageFolders = ["site-packages", "dist-packages"];
    private static readonly string[] Pythons = ["python3", "python", "python.exe"];

    /// <summary>More links one after the other than any installation has.</summary>
    private const int MostLinks = 16;

    private static readonly string[] TellingNames = ["libcublasLt.so.", "libnvrtc.so.", "libcudnn.so."];
    private static readonly Library[] Toolkit = [Library.CudaRuntime, Library.NvrtcBuiltins, Library.Nvrtc, Library.CublasLt, Library.Cublas];
    private readonly Machine _machine;
    private readonly List<string> _tried = [];

    /// <param name="machine">The machine to search.</param>
    public LibraryPaths(Machine machine)
    {
        _machine = machine;
        Places = [.. FindPlaces()];
    }

    /// <summary>All places, in order.</summary>
    public IReadOnlyList<Place> Places { get; }

    /// <summary>Every file that was searched for so far, in order.</summary>
    public IReadOnlyList<string> Tried => _tried;

    /// <summary>
    /// The driver: the system's loader is tried before folders that it may not know. A bare name is left to the loader.
    /// </summary>
    public IReadOnlyList<string> Driver()
    {
        string name = LibraryNames.Of(Library.Driver, 0, _machine.IsWindows);
        string[] folders = _machine.IsWindows
            ? [_machine.Join(_machine.Variable("SystemRoot") ?? @"C:\Windows", "System32")]
            : ["/usr/lib/wsl/lib", .. SystemFolders, "/usr/local/nvidia/lib64", "/run/opengl-driver/lib"];
        string[] candidates =
            [.. _machine.Folders("IBA_CUDA_DIRS").Select(folder => _machine.Join(folder, name)).Where(Exists), name,
             .. folders.Select(folder => _machine.Join(folder, name)).Where(Exists)];
        return [.. candidates.Distinct()];
    }

    /// <summary>
    /// Sets of NVRTC and cuBLASLt, best first: the newest CUDA that the driver supports, complete before incomplete, then the order of
    /// places.
    /// </summary>
    /// <param name="driverMajor">The newest CUDA major that the driver supports.</param>
    public IReadOnlyList<LibrarySet> Toolkits(int driverMajor)
    {
        var sets = new List<LibrarySet>();
        for (int major = Math.Min(driverMajor, LibraryNames.NewestMajor); major >= LibraryNames.OldestMajor; major--)
        {
            sets.AddRange(Places.Select(place => Gather(place, major, Toolkit))
                .Where(set => set.Has(Library.Nvrtc) || set.Has(Library.CublasLt))
                .OrderBy(set => set.Has(Library.Nvrtc) && set.Has(Library.CublasLt) ? 0 : 1));
        }
        return sets;
    }

    /// <summary>
    /// Folders that contain cuDNN, the toolkit's own place first, those that name another CUDA major last. All parts of a set are in one
    /// folder.
    /// </summary>
    /// <param name="toolkit">Where NVRTC and cuBLASLt were found, if anywhere.</param>
    /// <param name="driverMajor">The newest CUDA major that the driver supports.</param>
    public IReadOnlyList<LibrarySet> Cudnns(LibrarySet? toolkit, int driverMajor)
    {
        int major = toolkit?.Major ?? Math.Min(driverMajor, LibraryNames.NewestMajor);
        IEnumerable<Place> places = Places.Concat(CudnnInstallers(major)).OrderBy(place => place == toolkit?.Place ? 0 : 1);
        return [.. places.SelectMany(place => place.Folders.Select(folder => new Place(place.Origin, [folder])))
            .DistinctBy(place => place.Folders[0])
            .Select(place => Gather(place, major, Enum.GetValues<Library>().Where(library => library.IsCudnn())))
            .Where(set => set.Has(Library.Cudnn))];
    }

    /// <summary>
    /// The full version of each file, if known: from the name of its link's target, else from the one versioned name beside it.
    /// </summary>
    public IReadOnlyDictionary<Library, string> Versions(LibrarySet set)
    {
        var versions = new Dictionary<Library, string>();
        foreach ((Library library, string path) in set.InOrder)
        {
            string? version = LibraryNames.VersionOf(FileName(Links(path).Last())) ?? OnlyVersionBeside(path);
            if (version is not null)
                versions[library] = version;
        }
        return versions;
    }

    private static string[] SystemFolders =>
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    private IEnumerable<Place> FindPlaces()
    {
        if (_machine.Folders("IBA_CUDA_DIRS").ToArray() is { Length: > 0 } named)
            yield return new Place("IBA_CUDA_DIRS", named);
        string[] loaded = [.. _machine.Loaded.Where(IsNvidia).Select(FolderName).Distinct()];
        if (loaded.Length > 0)
            yield return new Place("already loaded", loaded);

        foreach (string packages in PythonPackages())
            yield return new Place($"Python packages in {packages}", PipFolders(packages));
        if (_machine.Variable("CONDA_PREFIX") is { Length: > 0 } conda)
            yield return new Place("conda", [_machine.IsWindows ? _machine.Join(conda, "Library", "bin") : _machine.Join(conda, "lib")]);

        string[] system = _machine.IsWindows ? [.. _machine.Folders("PATH")] : [.. _machine.Folders("LD_LIBRARY_PATH"), .. SystemFolders];
        foreach (string folder in system)
            yield return new Place("the system's search path", [folder]);

        foreach (string root in Roots())
            yield return new Place($"CUDA in {root}", ToolkitFolders(root));
    }

    /// <summary>site-packages of the active environment, of each Python on the path, of conda, of the user and of the system.</summary>
    private IEnumerable<string> PythonPackages()
    {
        string?[] roots =
        [
            _machine.Variable("VIRTUAL_ENV"), .. PythonRoots(), _machine.Variable("CONDA_PREFIX"),
            .. _machine.IsWindows ? (string?[])[] : [_machine.Variable("HOME") is { } home ? _machine.Join(home, ".local") : null, "/usr/local", "/usr"],
        ];
        return roots.OfType<string>().Where(root => root.Length > 0).Distinct().SelectMany(PackagesBelow).Distinct()
            .Where(packages => PipFolders(packages).Any(folder => _machine.Entries(folder).Count > 0));
    }

    private IEnumerable<string> PackagesBelow(string root)
    {
        if (_machine.IsWindows)
            return [_machine.Join(root, "Lib", "site-packages")];
        string lib = _machine.Join(root, "lib");
        return _machine.Entries(lib).Where(entry => entry.StartsWith("python3", StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal)
            .SelectMany(python => PackageFolders, (python, kind) => _machine.Join(lib, python, kind));
    }

    /// <summary>
    /// The roots of the Pythons on the path: bin/python3, or on Windows python.exe in the root itself or in an environment's Scripts. Where it
    /// is a link every step counts, because an environment's own Python is a link to the one that made it.
    /// </summary>
    private IEnumerable<string> PythonRoots()
    {
        IEnumerable<string> pythons = _machine.Folders("PATH").SelectMany(folder =>
            Pythons.Where(_machine.Entries(folder).Contains).Select(python => _machine.Join(folder, python)));
        foreach (string folder in pythons.SelectMany(Links).Select(FolderName).Distinct())
        {
            if (_machine.IsWindows && !folder.EndsWith("Scripts", StringComparison.OrdinalIgnoreCase))
                yield return folder;
            else
                yield return FolderName(folder);
        }
    }

    /// <summary>A path and what it links to, step by step.</summary>
    private IEnumerable<string> Links(string path)
    {
        for (int link = 0; link < MostLinks; link++)
        {
            yield return path;
            if (_machine.Target(path) is var target && target == path)
                break;
            path = target;
        }
    }

    /// <summary>
    /// The folders of the pip packages: one for all of CUDA 13, one per library for CUDA 12, cuDNN's own for both; on Windows PyTorch brings them.
    /// </summary>
    private string[] PipFolders(string packages)
    {
        string nvidia = _machine.Join(packages, "nvidia");
        string[] cuda12 = ["cublas", "cuda_nvrtc", "cuda_runtime", "cudnn"];
        return _machine.IsWindows
            ? [_machine.Join(nvidia, "cu13", "bin", "x86_64"), .. cuda12.Select(package => _machine.Join(nvidia, package, "bin")),
                _machine.Join(packages, "torch", "lib")]
            : [_machine.Join(nvidia, "cu13", "lib"), .. cuda12.Select(package => _machine.Join(nvidia, package, "lib"))];
    }

    private IEnumerable<string> Roots()
    {
        IEnumerable<string> named = RootVariables.Select(_machine.Variable).OfType<string>().Where(root => root.Length > 0);
        string folder = _machine.IsWindows
            ? _machine.Join(_machine.Variable("ProgramFiles") ?? @"C:\Program Files", "NVIDIA GPU Computing Toolkit", "CUDA")
            : "/usr/local";
        string prefix = _machine.IsWindows ? "v" : "cuda";
        return named.Concat(_machine.Entries(folder).Where(entry => entry.StartsWith(prefix, StringComparison.Ordinal))
            .OrderDescending(StringComparer.Ordinal).Select(entry => _machine.Join(folder, entry))).Distinct();
    }

    private string[] ToolkitFolders(string root) => _machine.IsWindows
        ? [_machine.Join(root, "bin", "x64"), _machine.Join(root, "bin")]
        : [_machine.Join(root, "lib64"), _machine.Join(root, "targets", "x86_64-linux", "lib"), _machine.Join(root, "targets", "sbsa-linux", "lib")];

    /// <summary>C:\Program Files\NVIDIA\CUDNN\v9.x\bin\CUDA version, with x64 below it since CUDA 13; those of the wanted CUDA first.</summary>
    private IEnumerable<Place> CudnnInstallers(int major)
    {
        if (!_machine.IsWindows)
            yield break;
        string root = _machine.Join(_machine.Variable("ProgramFiles") ?? @"C:\Program Files", "NVIDIA", "CUDNN");
        IEnumerable<string> versions = _machine.Entries(root).Where(entry => entry.StartsWith("v9", StringComparison.Ordinal));
        (string Bin, string Cuda)[] found = [.. versions.OrderDescending(StringComparer.Ordinal).Select(version => _machine.Join(root, version, "bin"))
            .SelectMany(bin => _machine.Entries(bin).OrderDescending(StringComparer.Ordinal), (bin, cuda) => (bin, cuda))];
        foreach ((string bin, string cuda) in found.OrderBy(each => each.Cuda.StartsWith($"{major}.", StringComparison.Ordinal) ? 0 : 1))
            yield return new Place("cuDNN's installer", [_machine.Join(bin, cuda, "x64"), _machine.Join(bin, cuda)]);
    }

    private LibrarySet Gather(Place place, int major, IEnumerable<Library> wanted)
    {
        var files = new Dictionary<Library, string>();
        foreach (Library library in wanted)
        {
            foreach (string folder in place.Folders)
            {
                _tried.Add(_machine.Join(folder, LibraryNames.Of(library, major, _machine.IsWindows)));
                if (LibraryNames.Find(library, major, _machine.IsWindows, _machine.Entries(folder)) is { } name)
                {
                    files[library] = _machine.Join(folder, name);
                    break;
                }
            }
        }
        return new LibrarySet(place, major, files);
    }

    private bool Exists(string path)
    {
        _tried.Add(path);
        return _machine.Entries(FolderName(path)).Contains(FileName(path));
    }

    private string? OnlyVersionBeside(string path)
    {
        string[] full = [.. _machine.Entries(FolderName(path)).Where(entry => entry.StartsWith(FileName(path) + ".", StringComparison.Ordinal))
            .Select(LibraryNames.VersionOf).OfType<string>().Distinct()];
        return full.Length == 1 ? full[0] : null;
    }

    private static bool IsNvidia(string path) => FileName(path) is var file
        && TellingNames.Any(prefix => file.StartsWith(prefix, StringComparison.Ordinal));

    private static string FileName(string path) => path[(path.LastIndexOfAny(['/', '\\']) + 1)..];

    private static string FolderName(string path) => path.LastIndexOfAny(['/', '\\']) is var at and > 0 ? path[..at] : path;
}
