using System.Runtime.InteropServices;
using System.Text;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// Compiles the kernels for one architecture with NVRTC and caches the binaries on disk under a hash of all their inputs. Without NVRTC, or
/// if it fails, the PTX shipped with the program is used, which the driver translates.
/// </summary>
internal sealed unsafe class KernelCompiler(Nvrtc? nvrtc, int computeCapability, CacheFolder cache)
{
    private const string Kind = "kernels";

    private readonly string[] _options = [.. KernelSources.Options, $"--gpu-architecture=sm_{computeCapability}"];

    /// <summary>Why some files run from PTX, by file.</summary>
    public Dictionary<string, string> Refusals { get; } = [];

    /// <summary>The code of a file in cuda/ for cuModuleLoadData: a CUBIN, or zero-terminated PTX.</summary>
    /// <exception cref="CudaException">The file neither compiles nor has PTX.</exception>
    public byte[] Code(string file)
    {
        string refusal = "NVRTC was not found";
        if (nvrtc is not null)
        {
            string key = Key(nvrtc, file);
            if (cache.Read(Kind, key) is { } kept)
                return kept;
            if (Compile(nvrtc, file, out refusal) is { } code)
            {
                cache.Write(Kind, key, code);
                return code;
            }
        }
        Refusals[file] = refusal;
        return KernelSources.Ptx(file) is { } ptx
            ? Utf8.Write(ptx)
            : throw new CudaException($"cuda/{file}.cu", $"it cannot be compiled, and no PTX of it was shipped: {refusal}", 0);
    }

    /// <summary>The cache file's name: a hash of everything that the code depends on.</summary>
    private string Key(Nvrtc compiler, string file)
    {
        string all = $"{KernelSources.Digest(file)} {string.Join(' ', _options)} {compiler.Version}";
        return $"{file}-sm_{computeCapability}-{Sha256Hash.Hex(Encoding.UTF8.GetBytes(all))}.cubin";
    }

    private byte[]? Compile(Nvrtc compiler, string file, out string refusal)
    {
        using var texts = new Texts([KernelSources.Source(file), file + ".cu", .. KernelSources.Headers.Values, .. KernelSources.Headers.Keys, .. _options]);
        int headers = KernelSources.Headers.Count;
        nint program;
        nvrtcResult result = compiler.nvrtcCreateProgram(&program, texts[0], texts[1], headers, texts.From(2), texts.From(2 + headers));
        if (result != nvrtcResult.NVRTC_SUCCESS)
        {
            refusal = Utf8.Read(compiler.nvrtcGetErrorString(result));
            return null;
        }
        try
        {
            result = compiler.nvrtcCompileProgram(program, _options.Length, texts.From(2 + 2 * headers));
            nuint size = 0;
            if (result == nvrtcResult.NVRTC_SUCCESS)
                result = compiler.nvrtcGetCUBINSize(program, &size);
            var code = new byte[size];
            if (result == nvrtcResult.NVRTC_SUCCESS && size > 0)
            {
                fixed (byte* to = code)
                    result = compiler.nvrtcGetCUBIN(program, to);
            }
            bool done = result == nvrtcResult.NVRTC_SUCCESS && size > 0;
            refusal = done ? "" : $"{Utf8.Read(compiler.nvrtcGetErrorString(result))}: {Log(compiler, program)}";
            return done ? code : null;
        }
        finally
        {
            compiler.nvrtcDestroyProgram(&program);
        }
    }

    private static string Log(Nvrtc compiler, nint program)
    {
        nuint size = 0;
        if (compiler.nvrtcGetProgramLogSize(program, &size) != nvrtcResult.NVRTC_SUCCESS || size == 0)
            return "no log";
        var log = new byte[size + 1];
        fixed (byte* to = log)
        {
            compiler.nvrtcGetProgramLog(program, to);
            return Utf8.Read(to).Trim();
        }
    }

    /// <summary>Zero-terminated copies of texts for native code, valid while this object lives.</summary>
    private sealed class Texts : IDisposable
    {
        private readonly nint[] _copies;
        private readonly GCHandle _pin;

        public Texts(IEnumerable<string> texts)
        {
            _copies = [.. texts.Select(Marshal.StringToCoTaskMemUTF8)];
            _pin = GCHandle.Alloc(_copies, GCHandleType.Pinned);
        }

        public byte* this[int index] => (byte*)_copies[index];

        public byte** From(int index) => (byte**)_pin.AddrOfPinnedObject() + index;

        public void Dispose()
        {
            _pin.Free();
            foreach (nint copy in _copies)
                Marshal.FreeCoTaskMem(copy);
        }
    }
}
