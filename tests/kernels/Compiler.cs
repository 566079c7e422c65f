using System.Runtime.InteropServices;
using System.Text;
using Iba.Engine.Backends.Cuda;
using Xunit;

namespace Tests.Kernels;

/// <summary>
/// NVRTC, which needs no GPU: from the folder that IBA_NVRTC names, else the cache folder that cuda/fetch_libraries.sh fills, else where the
/// system finds it.
/// </summary>
internal sealed unsafe class Compiler
{
    private static readonly Lazy<Compiler?> Found = new(Find);

    private readonly nint _library;

    private Compiler(nint library)
    {
        _library = library;
        int major, minor;
        Check(((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor), "nvrtcVersion");
        Version = $"{major}.{minor}";
    }

    /// <summary>The toolkit it belongs to, as 11.8.</summary>
    public string Version { get; }

    /// <summary>The compiler. Skips the test with the folders searched if there is none.</summary>
    public static Compiler Get()
    {
        Assert.SkipWhen(Found.Value is null, "NVRTC is not here: run cuda/fetch_libraries.sh, or name its folder in IBA_NVRTC");
        return Found.Value!;
    }

    /// <summary>Compiles a file of cuda/.</summary>
    /// <param name="file">Its name without the ending.</param>
    /// <param name="architecture">compute_80 for PTX, sm_90 for machine code.</param>
    /// <param name="log">What the compiler says.</param>
    /// <param name="more">Options beside <see cref="KernelSources.Options"/>.</param>
    /// <returns>PTX as text or machine code, or null where it does not compile.</returns>
    public byte[]? Compile(string file, string architecture, out string log, params string[] more)
    {
        var texts = new List<nint>();
        nint program = 0;
        try
        {
            byte* Text(string text)
            {
                texts.Add(Marshal.StringToCoTaskMemUTF8(text));
                return (byte*)texts[^1];
            }

            byte** Texts(IEnumerable<string> all)
            {
                nint[] pointers = [.. all.Select(text => (nint)Text(text))];
                texts.Add(Marshal.AllocCoTaskMem(pointers.Length * sizeof(nint)));
                pointers.CopyTo(new Span<nint>((void*)texts[^1], pointers.Length));
                return (byte**)texts[^1];
            }

            var headers = KernelSources.Headers;
            Check(((delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Export("nvrtcCreateProgram"))(
                &program, Text(KernelSources.Source(file)), Text(file + ".cu"),
                headers.Count, Texts(headers.Values), Texts(headers.Keys)), "nvrtcCreateProgram");
            string[] options = [$"--gpu-architecture={architecture}", .. KernelSources.Options, .. more];
            var compile = (delegate* unmanaged<nint, int, byte**, int>)Export("nvrtcCompileProgram");
            int result = compile(program, options.Length, Texts(options));
            log = Encoding.UTF8.GetString(Output(program, "ProgramLog")).Trim('\0', '\n');
            return result == 0 ? Output(program, architecture.StartsWith("sm", StringComparison.Ordinal) ? "CUBIN" : "PTX") : null;
        }
        finally
        {
            if (program != 0)
                ((delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram"))(&program);
            texts.ForEach(Marshal.FreeCoTaskMem);
        }
    }

    private byte[] Output(nint program, string what)
    {
        nuint size;
        Check(((delegate* unmanaged<nint, nuint*, int>)Export($"nvrtcGet{what}Size"))(program, &size), what);
        var bytes = new byte[size];
        fixed (byte* to = bytes)
            Check(((delegate* unmanaged<nint, byte*, int>)Export($"nvrtcGet{what}"))(program, to), what);
        return bytes;
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    private static void Check(int result, string call) => Assert.True(result == 0, $"{call} answers {result}");

    private static Compiler? Find()
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        foreach (string? folder in (string?[])[Environment.GetEnvironmentVariable("IBA_NVRTC"), Path.Combine(cache, "iba", "nvrtc")])
        {
            if (!Directory.Exists(folder))
                continue;
            // NVRTC asks for its builtins by name: loaded before it, they are found in any folder.
            IEnumerable<string> libraries = Directory.GetFiles(folder, "libnvrtc*.so.*");
            foreach (string library in libraries.OrderByDescending(path => path.Contains("builtins", StringComparison.Ordinal)))
            {
                if (NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, "nvrtcVersion", out _))
                    return new Compiler(handle);
            }
        }
        foreach (string name in (ReadOnlySpan<string>)["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"])
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
                return new Compiler(handle);
        }
        return null;
    }
}
