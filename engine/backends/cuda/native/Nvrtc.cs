namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>NVRTC's result codes that this program depends on.</summary>
internal enum nvrtcResult
{
    NVRTC_SUCCESS = 0,
    NVRTC_ERROR_INVALID_OPTION = 5,
    NVRTC_ERROR_COMPILATION = 6,

    /// <summary>The library of built-in headers, nvrtc-builtins, is not beside NVRTC.</summary>
    NVRTC_ERROR_BUILTIN_OPERATION_FAILURE = 7,
}

/// <summary>NVRTC, the runtime compiler of CUDA C++. Entry points are equal in 11, 12 and 13.</summary>
internal sealed unsafe class Nvrtc
{
    public readonly delegate* unmanaged<int*, int*, nvrtcResult> nvrtcVersion;
    public readonly delegate* unmanaged<nvrtcResult, byte*> nvrtcGetErrorString;
    public readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, nvrtcResult> nvrtcCreateProgram;
    public readonly delegate* unmanaged<nint, int, byte**, nvrtcResult> nvrtcCompileProgram;
    public readonly delegate* unmanaged<nint, nuint*, nvrtcResult> nvrtcGetProgramLogSize;
    public readonly delegate* unmanaged<nint, byte*, nvrtcResult> nvrtcGetProgramLog;
    public readonly delegate* unmanaged<nint, nuint*, nvrtcResult> nvrtcGetCUBINSize;
    public readonly delegate* unmanaged<nint, byte*, nvrtcResult> nvrtcGetCUBIN;
    public readonly delegate* unmanaged<nint, nuint*, nvrtcResult> nvrtcGetPTXSize;
    public readonly delegate* unmanaged<nint, byte*, nvrtcResult> nvrtcGetPTX;
    public readonly delegate* unmanaged<nint*, nvrtcResult> nvrtcDestroyProgram;

    /// <exception cref="EntryPointNotFoundException">The library is older than 11.2.</exception>
    public Nvrtc(Func<string, nint> find)
    {
        var exports = new Exports("NVRTC", find);
        nvrtcVersion = (delegate* unmanaged<int*, int*, nvrtcResult>)exports.Required(nameof(nvrtcVersion));
        nvrtcGetErrorString = (delegate* unmanaged<nvrtcResult, byte*>)exports.Required(nameof(nvrtcGetErrorString));
        nvrtcCreateProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, nvrtcResult>)exports.Required(nameof(nvrtcCreateProgram));
        nvrtcCompileProgram = (delegate* unmanaged<nint, int, byte**, nvrtcResult>)exports.Required(nameof(nvrtcCompileProgram));
        nvrtcGetProgramLogSize = (delegate* unmanaged<nint, nuint*, nvrtcResult>)exports.Required(nameof(nvrtcGetProgramLogSize));
        nvrtcGetProgramLog = (delegate* unmanaged<nint, byte*, nvrtcResult>)exports.Required(nameof(nvrtcGetProgramLog));
        nvrtcGetCUBINSize = (delegate* unmanaged<nint, nuint*, nvrtcResult>)exports.Required(nameof(nvrtcGetCUBINSize));
        nvrtcGetCUBIN = (delegate* unmanaged<nint, byte*, nvrtcResult>)exports.Required(nameof(nvrtcGetCUBIN));
        nvrtcGetPTXSize = (delegate* unmanaged<nint, nuint*, nvrtcResult>)exports.Required(nameof(nvrtcGetPTXSize));
        nvrtcGetPTX = (delegate* unmanaged<nint, byte*, nvrtcResult>)exports.Required(nameof(nvrtcGetPTX));
        nvrtcDestroyProgram = (delegate* unmanaged<nint*, nvrtcResult>)exports.Required(nameof(nvrtcDestroyProgram));
        exports.Check();
    }

    /// <summary>Major and minor.</summary>
    public (int Major, int Minor) Version
    {
        get
        {
            int major = 0, minor = 0;
            nvrtcVersion(&major, &minor);
            return (major, minor);
        }
    }
}
