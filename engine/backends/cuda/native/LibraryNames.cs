using System.Globalization;

namespace Engine.Backends.Cuda.Native;

/// <summary>NVIDIA's libraries as far as they matter here, in the order in which they must be loaded: what a library needs comes before it.</summary>
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

/// <summary>How the libraries' files are called on either system.</summary>
internal static class LibraryNames
{
    /// <summary>The oldest and newest CUDA whose names are known: libraries of other majors have other interfaces.</summary>
    public const int OldestMajor = 12, NewestMajor = 13;

    private const int CudnnMajor = 9;

    /// <summary>cuDNN's parts that every convolution may need; the others came with later versions.</summary>
    public static readonly IReadOnlyList<Library> CudnnCore =
    [
        Library.Cudnn, Library.CudnnGraph, Library.CudnnOps, Library.CudnnCnn,
        Library.CudnnEnginesPrecompiled, Library.CudnnEnginesRuntimeCompiled, Library.CudnnHeuristic,
    ];

    public static bool IsCudnn(this Library library) => library >= Library.Cudnn;

    /// <summary>The file's name for a CUDA major, or a prefix of it where minor versions are part of the name (NVRTC's built-ins).</summary>
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

    /// <summary>The file among a folder's entries that is that library, or null.</summary>
    public static string? Find(Library library, int major, bool windows, IReadOnlyCollection<string> entries)
    {
        string name = Of(library, major, windows);
        if (library != Library.NvrtcBuiltins)
            return entries.FirstOrDefault(entry => entry.Equals(name, windows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal));
        // libnvrtc-builtins.so.12.6 and its .12.6.85, nvrtc-builtins64_126.dll but not its .alt.dll: the shortest is the one NVRTC asks for.
        return entries.Where(entry => entry.StartsWith(name, StringComparison.Ordinal) && (!windows || IsPlainDll(entry)))
            .OrderBy(entry => entry.Length).ThenByDescending(entry => entry, StringComparer.Ordinal).FirstOrDefault();
    }

    /// <summary>The full version that a Linux file name ends in (9.13.1 of libcudnn.so.9.13.1), or null where it names a major only.</summary>
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
