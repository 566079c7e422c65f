using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>Loads libraries and never throws: a library that fails to load is a finding.</summary>
internal abstract class Loader
{
    /// <summary>Loads the library at a path (or with a bare name); 0 and the reason if that fails.</summary>
    public abstract nint Load(string path, out string? reason);

    /// <summary>The address of an entry point, or 0.</summary>
    public abstract nint Find(nint library, string name);
}

/// <summary>
/// The system's loader. Libraries are never unloaded: the driver keeps threads in them. On Linux their symbols are visible to libraries
/// loaded later (RTLD_GLOBAL), because cuDNN opens its own parts by bare name and must get those beside it.
/// </summary>
internal sealed unsafe class SystemLoader : Loader
{
    private const int RTLD_NOW = 2, RTLD_GLOBAL = 0x100;

    /// <summary>Where dlopen is on Linux: in a library of its own before glibc 2.34, else in the C library.</summary>
    private static readonly string[] HomesOfDlopen = ["libdl.so.2", "libc"];

    private readonly delegate* unmanaged<byte*, int, nint> _dlopen;
    private readonly delegate* unmanaged<byte*> _dlerror;
    private readonly string _homes;

    public SystemLoader() : this(HomesOfDlopen)
    {
    }

    /// <param name="homesOfDlopen">The libraries that may have dlopen.</param>
    internal SystemLoader(IEnumerable<string> homesOfDlopen)
    {
        _homes = string.Join(" nor ", homesOfDlopen);
        if (!OperatingSystem.IsLinux())
            return;
        // Both addresses are taken before the first call: looking one up later would clear the error that it is to tell.
        foreach (string home in homesOfDlopen)
        {
            if (NativeLibrary.TryLoad(home, out nint library)
                && Find(library, "dlopen") is not 0 and var open && Find(library, "dlerror") is not 0 and var error)
            {
                _dlopen = (delegate* unmanaged<byte*, int, nint>)open;
                _dlerror = (delegate* unmanaged<byte*>)error;
                return;
            }
        }
    }

    /// <inheritdoc/>
    public override nint Load(string path, out string? reason)
    {
        reason = null;
        if (OperatingSystem.IsLinux())
            return Open(path, out reason);
        try
        {
            // With an absolute path, Windows also searches the library's own folder for its dependencies.
            return NativeLibrary.Load(path, typeof(SystemLoader).Assembly,
                Path.IsPathFullyQualified(path) ? DllImportSearchPath.UseDllDirectoryForDependencies : DllImportSearchPath.System32);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            reason = e.Message;
            return 0;
        }
    }

    /// <inheritdoc/>
    public override nint Find(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0;

    private nint Open(string path, out string? reason)
    {
        reason = null;
        if (_dlopen is null)
        {
            reason = $"neither {_homes} has dlopen";
            return 0;
        }
        nint loaded;
        fixed (byte* text = Utf8.Write(path))
            loaded = _dlopen(text, RTLD_NOW | RTLD_GLOBAL);
        if (loaded == 0 && Utf8.Read(_dlerror()) is { Length: > 0 } said)
            reason = said;
        return loaded;
    }
}
