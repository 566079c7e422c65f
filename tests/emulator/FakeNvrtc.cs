using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>A compiler whose CUBIN is a text with the file's name, or that fails as set.</summary>
internal sealed unsafe class FakeNvrtc : IDisposable
{
    [ThreadStatic]
    private static FakeNvrtc? _current;

    public FakeNvrtc() => _current = this;

    /// <summary>Answers the calls of this thread too, from here on.</summary>
    public void Join() => _current = this;

    public (int Major, int Minor) Version { get; set; } = (12, 6);
    public nvrtcResult Answer { get; set; }

    /// <summary>Options of every compilation.</summary>
    public List<string[]> Compiled { get; } = [];

    /// <summary>Headers given with the last program.</summary>
    public List<string> Headers { get; } = [];

    public int Live { get; private set; }

    private byte[] Binary { get; set; } = [];

    /// <summary>Its CUBIN of a file of cuda/, zero-terminated.</summary>
    public static byte[] Cubin(string file) => Utf8.Write($"a cubin of {file}.cu");

    public nint Find(string name) => Addresses.GetValueOrDefault(name);

    public Nvrtc Table() => new(Find);

    public void Dispose() => _current = _current == this ? null : _current;

    private static FakeNvrtc Now => _current ?? throw new InvalidOperationException("an NVRTC call on a thread without a fake NVRTC");

    private static ReadOnlySpan<byte> Log => "kernel.cu(1): error: the fake dislikes it\0"u8;

    private static readonly byte* SomeText = (byte*)Marshal.StringToCoTaskMemUTF8("NVRTC_ERROR_SOMETHING");

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcVersion(int* major, int* minor)
    {
        (*major, *minor) = Now.Version;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static byte* nvrtcGetErrorString(nvrtcResult result) => SomeText;

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcCreateProgram(nint* program, byte* source, byte* name, int headers, byte** texts, byte** names)
    {
        FakeNvrtc now = Now;
        now.Headers.Clear();
        for (int i = 0; i < headers; i++)
            now.Headers.Add(Utf8.Read(names[i]));
        now.Live++;
        now.Binary = Cubin(Path.GetFileNameWithoutExtension(Utf8.Read(name)));
        *program = 77;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcCompileProgram(nint program, int count, byte** options)
    {
        FakeNvrtc now = Now;
        var given = new string[count];
        for (int i = 0; i < count; i++)
            given[i] = Utf8.Read(options[i]);
        now.Compiled.Add(given);
        return now.Answer;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcGetProgramLogSize(nint program, nuint* size)
    {
        *size = (nuint)Log.Length;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcGetProgramLog(nint program, byte* log)
    {
        Log.CopyTo(new Span<byte>(log, Log.Length));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcGetCUBINSize(nint program, nuint* size)
    {
        *size = (nuint)Now.Binary.Length;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcGetCUBIN(nint program, byte* binary)
    {
        Now.Binary.CopyTo(new Span<byte>(binary, Now.Binary.Length));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static nvrtcResult nvrtcDestroyProgram(nint* program)
    {
        Now.Live--;
        *program = 0;
        return 0;
    }

    private static readonly Dictionary<string, nint> Addresses = new()
    {
        ["nvrtcVersion"] = (nint)(delegate* unmanaged<int*, int*, nvrtcResult>)&nvrtcVersion,
        ["nvrtcGetErrorString"] = (nint)(delegate* unmanaged<nvrtcResult, byte*>)&nvrtcGetErrorString,
        ["nvrtcCreateProgram"] = (nint)(delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, nvrtcResult>)&nvrtcCreateProgram,
        ["nvrtcCompileProgram"] = (nint)(delegate* unmanaged<nint, int, byte**, nvrtcResult>)&nvrtcCompileProgram,
        ["nvrtcGetProgramLogSize"] = (nint)(delegate* unmanaged<nint, nuint*, nvrtcResult>)&nvrtcGetProgramLogSize,
        ["nvrtcGetProgramLog"] = (nint)(delegate* unmanaged<nint, byte*, nvrtcResult>)&nvrtcGetProgramLog,
        ["nvrtcGetCUBINSize"] = (nint)(delegate* unmanaged<nint, nuint*, nvrtcResult>)&nvrtcGetCUBINSize,
        ["nvrtcGetCUBIN"] = (nint)(delegate* unmanaged<nint, byte*, nvrtcResult>)&nvrtcGetCUBIN,
        ["nvrtcGetPTXSize"] = (nint)(delegate* unmanaged<nint, nuint*, nvrtcResult>)&nvrtcGetCUBINSize,
        ["nvrtcGetPTX"] = (nint)(delegate* unmanaged<nint, byte*, nvrtcResult>)&nvrtcGetCUBIN,
        ["nvrtcDestroyProgram"] = (nint)(delegate* unmanaged<nint*, nvrtcResult>)&nvrtcDestroyProgram,
    };
}
