using System.Globalization;

namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>The NVIDIA libraries that this program uses, in the order in which they must be loaded: dependencies first.</summary>
internal enum Library
{
    Driver,
    CudaRuntime,
    NvrtcBuiltins,
    Nvrtc,
    CublasLt,
    Cublas,
    Cudnn,
    CudnnGraph,
    CudnnOps,
    CudnnCnn,
    CudnnEnginesPrecompiled,
    CudnnEnginesRuntimeCompiled,
    CudnnHeuristic,
    CudnnExtension,
    CudnnEnginesTensorIr,
}

/// <summary>The libraries' file names on both systems.</summary>
internal static class LibraryNames
{
    /// <summary>The oldest and newest supported CUDA major: others have other interfaces.</summary>
    public const int OldestMajor = 12, NewestMajor = 13;

    private const int CudnnMajor = 9;

    /// <summary>The parts of cuDNN that every convolution may need; the others were added by later versions.</summary>
    public static readonly IReadOnlyList<Library> CudnnCore =
    [
        Library.Cudnn, Library.CudnnGraph, Library.CudnnOps, Library.CudnnCnn,
        Library.CudnnEnginesPrecompiled, Library.CudnnEnginesRuntimeCompiled, Library.CudnnHeuristic,
    ];

    public static bool IsCudnn(this Library library) => library >= Library.Cudnn;

    /// <summary>The file name for a CUDA major, or its prefix if the name includes the minor version (NVRTC's built-ins).</summary>
    public static string Of(Library library, int major, bool windows) => library switch
    {
        Library.Driver => windows ? "nvcuda.dll" : "libcuda.so.1",
        Library.CudaRuntime => windows ? $"cudart64_{major}.dll" : $"libcudart.so.{major}",
        Library.NvrtcBuiltins => windows ? $"nvrtc-builtins64_{major}" : $"libnvrtc-builtins.so.{major}",
        Library.Nvrtc => windows ? $"nvrtc64_{major}0_0.dll" : $"libnvrtc.so.{major}",
        Library.CublasLt => windows ? $"cublasLt64_{major}.dll" : $"libcublasLt.so.{major}",
        Library.Cublas => windows ? $"cublas64_{major}.dll" : $"libcublas.so.{major}",
        _ => windows ? $"cudnn{CudnnPart(library)}64_{CudnnMajor}.dll" : $"libcudnn{CudnnPart(library)}.so.{CudnnMajor}",
    };

    /// <summary>The library's file among the entries of a folder, or null.</summary>
    public static string? Find(Library library, int major, bool windows, IReadOnlyCollection<string> entries)
    {
        string name = Of(library, major, windows);
        if (library != Library.NvrtcBuiltins)
            return entries.FirstOrDefault(entry => entry.Equals(name, windows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal));
        // libnvrtc-builtins.so.12.6 and its .12.6.85, nvrtc-builtins64_126.dll but not its .alt.dll: NVRTC opens the shortest.
        return entries.Where(entry => entry.StartsWith(name, StringComparison.Ordinal) && (!windows || IsPlainDll(entry)))
            .OrderBy(entry => entry.Length).ThenByDescending(entry => entry, StringComparer.Ordinal).FirstOrDefault();
    }

    /// <summary>
    /// The full version at the end of a Linux file name (9.13.1 of libcudnn.so.9.13.1), or null if it has the major only.
    /// </summary>
    public static string? VersionOf(string file)
    {
        int at = file.LastIndexOf(".so.", StringComparison.Ordinal);
        string version = at < 0 ? "" : file[(at + 4)..];
        return version.Contains('.') && version.Split('.').All(part => int.TryParse(part, NumberStyles.None, null, out _)) ? version : null;
    }

    private static bool IsPlainDll(string entry) => entry.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) && entry.Count(c => c == '.') == 1;

    private static string CudnnPart(Library library) => library switch
    {
        Library.Cudnn => "",
        Library.CudnnGraph => "_graph",
        Library.CudnnOps => "_ops",
        Library.CudnnCnn => "_cnn",
        Library.CudnnEnginesPrecompiled => "_engines_precompiled",
        Library.CudnnEnginesRuntimeCompiled => "_engines_runtime_compiled",
        Library.CudnnHeuristic => "_heuristic",
        Library.CudnnExtension => "_ext",
        Library.CudnnEnginesTensorIr => "_engines_tensor_ir",
        _ => throw new ArgumentOutOfRangeException(nameof(library), library, "no part of cuDNN"),
    };
}
