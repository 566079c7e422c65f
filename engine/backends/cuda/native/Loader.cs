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
internal sealed partial class SystemLoader : Loader
{
    private const int RTLD_NOW = 2, RTLD_GLOBAL = 0x100;

    /// <inheritdoc/>
    public override nint Load(string path, out string? reason)
    {
        reason = null;
        if (OperatingSystem.IsLinux())
        {
            nint loaded = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
            if (loaded == 0)
                reason = Marshal.PtrToStringUTF8(dlerror());
            return loaded;
        }
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

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string path, int flags);

    [LibraryImport("libc")]
    private static partial nint dlerror();
}
