using System.Text;

namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>
/// The CUDA driver's entry points, one set for CUDA 12 and 13. Version suffixes are spelt out: the names without suffix are an older ABI
/// (cuMemAlloc takes a 32-bit size), which the C header hides with macros. Device pointers are 64-bit integers, handles are
/// <see cref="nint"/>, sizes <see cref="nuint"/>.
/// </summary>
internal sealed unsafe class Driver
{
    public const uint CU_STREAM_NON_BLOCKING = 1;
    public const uint CU_EVENT_DEFAULT = 0, CU_EVENT_DISABLE_TIMING = 2;
    public const uint CU_MEMHOSTALLOC_PORTABLE = 1;
    public const int CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;
    public const int CU_JIT_ERROR_LOG_BUFFER = 5, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6;

    // ---- start ----
    public readonly delegate* unmanaged<uint, CUresult> cuInit;
    public readonly delegate* unmanaged<int*, CUresult> cuDriverGetVersion;
    public readonly delegate* unmanaged<CUresult, byte**, CUresult> cuGetErrorName;
    public readonly delegate* unmanaged<CUresult, byte**, CUresult> cuGetErrorString;

    // ---- devices and contexts ----
    public readonly delegate* unmanaged<int*, CUresult> cuDeviceGetCount;
    public readonly delegate* unmanaged<int*, int, CUresult> cuDeviceGet;
    public readonly delegate* unmanaged<byte*, int, int, CUresult> cuDeviceGetName;
    public readonly delegate* unmanaged<int*, CUdevice_attribute, int, CUresult> cuDeviceGetAttribute;
    public readonly delegate* unmanaged<nuint*, int, CUresult> cuDeviceTotalMem_v2;
    public readonly delegate* unmanaged<nint*, int, CUresult> cuDevicePrimaryCtxRetain;
    public readonly delegate* unmanaged<int, CUresult> cuDevicePrimaryCtxRelease_v2;
    public readonly delegate* unmanaged<nint, CUresult> cuCtxSetCurrent;
    public readonly delegate* unmanaged<nint*, CUresult> cuCtxGetCurrent;

    // ---- memory ----
    public readonly delegate* unmanaged<nuint*, nuint*, CUresult> cuMemGetInfo_v2;
    public readonly delegate* unmanaged<ulong*, nuint, CUresult> cuMemAlloc_v2;
    public readonly delegate* unmanaged<ulong, CUresult> cuMemFree_v2;
    public readonly delegate* unmanaged<void**, nuint, uint, CUresult> cuMemHostAlloc;
    public readonly delegate* unmanaged<void*, CUresult> cuMemFreeHost;
    public readonly delegate* unmanaged<ulong, void*, nuint, nint, CUresult> cuMemcpyHtoDAsync_v2;
    public readonly delegate* unmanaged<void*, ulong, nuint, nint, CUresult> cuMemcpyDtoHAsync_v2;
    public readonly delegate* unmanaged<ulong, ulong, nuint, nint, CUresult> cuMemcpyDtoDAsync_v2;
    public readonly delegate* unmanaged<ulong, byte, nuint, nint, CUresult> cuMemsetD8Async;
    public readonly delegate* unmanaged<ulong, uint, nuint, nint, CUresult> cuMemsetD32Async;

    // ---- kernels ----
    public readonly delegate* unmanaged<nint*, void*, uint, int*, void**, CUresult> cuModuleLoadDataEx;
    public readonly delegate* unmanaged<nint*, nint, byte*, CUresult> cuModuleGetFunction;
    public readonly delegate* unmanaged<nint, CUresult> cuModuleUnload;
    public readonly delegate* unmanaged<nint, int, int, CUresult> cuFuncSetAttribute;
    public readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CUresult> cuLaunchKernel;

    // ---- streams and events ----
    public readonly delegate* unmanaged<nint*, uint, CUresult> cuStreamCreate;
    public readonly delegate* unmanaged<nint, CUresult> cuStreamDestroy_v2;
    public readonly delegate* unmanaged<nint, CUresult> cuStreamSynchronize;
    public readonly delegate* unmanaged<nint*, uint, CUresult> cuEventCreate;
    public readonly delegate* unmanaged<nint, nint, CUresult> cuEventRecord;
    public readonly delegate* unmanaged<nint, CUresult> cuEventSynchronize;
    public readonly delegate* unmanaged<float*, nint, nint, CUresult> cuEventElapsedTime;
    public readonly delegate* unmanaged<nint, CUresult> cuEventDestroy_v2;

    // ---- graphs ----
    public readonly delegate* unmanaged<nint, CUstreamCaptureMode, CUresult> cuStreamBeginCapture_v2;
    public readonly delegate* unmanaged<nint, nint*, CUresult> cuStreamEndCapture;
    public readonly delegate* unmanaged<nint*, nint, ulong, CUresult> cuGraphInstantiateWithFlags;
    public readonly delegate* unmanaged<nint, nint, CUresult> cuGraphUpload;
    public readonly delegate* unmanaged<nint, nint, CUresult> cuGraphLaunch;
    public readonly delegate* unmanaged<nint, CUresult> cuGraphExecDestroy;
    public readonly delegate* unmanaged<nint, CUresult> cuGraphDestroy;

    // ---- optional, or in later drivers only ----
    /// <summary>With a null array of nodes it returns their number.</summary>
    public readonly delegate* unmanaged<nint, nint*, nuint*, CUresult> cuGraphGetNodes;

    /// <summary>12.4 and later: loads a kernel before its first launch. Null before.</summary>
    public readonly delegate* unmanaged<nint, CUresult> cuFuncLoad;

    /// <exception cref="EntryPointNotFoundException">The driver is older than CUDA 12.</exception>
    public Driver(Func<string, nint> find)
    {
        var exports = new Exports("the CUDA driver", find);
        cuInit = (delegate* unmanaged<uint, CUresult>)exports.Required(nameof(cuInit));
        cuDriverGetVersion = (delegate* unmanaged<int*, CUresult>)exports.Required(nameof(cuDriverGetVersion));
        cuGetErrorName = (delegate* unmanaged<CUresult, byte**, CUresult>)exports.Required(nameof(cuGetErrorName));
        cuGetErrorString = (delegate* unmanaged<CUresult, byte**, CUresult>)exports.Required(nameof(cuGetErrorString));

        cuDeviceGetCount = (delegate* unmanaged<int*, CUresult>)exports.Required(nameof(cuDeviceGetCount));
        cuDeviceGet = (delegate* unmanaged<int*, int, CUresult>)exports.Required(nameof(cuDeviceGet));
        cuDeviceGetName = (delegate* unmanaged<byte*, int, int, CUresult>)exports.Required(nameof(cuDeviceGetName));
        cuDeviceGetAttribute = (delegate* unmanaged<int*, CUdevice_attribute, int, CUresult>)exports.Required(nameof(cuDeviceGetAttribute));
        cuDeviceTotalMem_v2 = (delegate* unmanaged<nuint*, int, CUresult>)exports.Required(nameof(cuDeviceTotalMem_v2));
        cuDevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, CUresult>)exports.Required(nameof(cuDevicePrimaryCtxRetain));
        cuDevicePrimaryCtxRelease_v2 = (delegate* unmanaged<int, CUresult>)exports.Required(nameof(cuDevicePrimaryCtxRelease_v2));
        cuCtxSetCurrent = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuCtxSetCurrent));
        cuCtxGetCurrent = (delegate* unmanaged<nint*, CUresult>)exports.Required(nameof(cuCtxGetCurrent));

        cuMemGetInfo_v2 = (delegate* unmanaged<nuint*, nuint*, CUresult>)exports.Required(nameof(cuMemGetInfo_v2));
        cuMemAlloc_v2 = (delegate* unmanaged<ulong*, nuint, CUresult>)exports.Required(nameof(cuMemAlloc_v2));
        cuMemFree_v2 = (delegate* unmanaged<ulong, CUresult>)exports.Required(nameof(cuMemFree_v2));
        cuMemHostAlloc = (delegate* unmanaged<void**, nuint, uint, CUresult>)exports.Required(nameof(cuMemHostAlloc));
        cuMemFreeHost = (delegate* unmanaged<void*, CUresult>)exports.Required(nameof(cuMemFreeHost));
        cuMemcpyHtoDAsync_v2 = (delegate* unmanaged<ulong, void*, nuint, nint, CUresult>)exports.Required(nameof(cuMemcpyHtoDAsync_v2));
        cuMemcpyDtoHAsync_v2 = (delegate* unmanaged<void*, ulong, nuint, nint, CUresult>)exports.Required(nameof(cuMemcpyDtoHAsync_v2));
        cuMemcpyDtoDAsync_v2 = (delegate* unmanaged<ulong, ulong, nuint, nint, CUresult>)exports.Required(nameof(cuMemcpyDtoDAsync_v2));
        cuMemsetD8Async = (delegate* unmanaged<ulong, byte, nuint, nint, CUresult>)exports.Required(nameof(cuMemsetD8Async));
        cuMemsetD32Async = (delegate* unmanaged<ulong, uint, nuint, nint, CUresult>)exports.Required(nameof(cuMemsetD32Async));

        cuModuleLoadDataEx = (delegate* unmanaged<nint*, void*, uint, int*, void**, CUresult>)exports.Required(nameof(cuModuleLoadDataEx));
        cuModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, CUresult>)exports.Required(nameof(cuModuleGetFunction));
        cuModuleUnload = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuModuleUnload));
        cuFuncSetAttribute = (delegate* unmanaged<nint, int, int, CUresult>)exports.Required(nameof(cuFuncSetAttribute));
        cuLaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CUresult>)
            exports.Required(nameof(cuLaunchKernel));

        cuStreamCreate = (delegate* unmanaged<nint*, uint, CUresult>)exports.Required(nameof(cuStreamCreate));
        cuStreamDestroy_v2 = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuStreamDestroy_v2));
        cuStreamSynchronize = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuStreamSynchronize));
        cuEventCreate = (delegate* unmanaged<nint*, uint, CUresult>)exports.Required(nameof(cuEventCreate));
        cuEventRecord = (delegate* unmanaged<nint, nint, CUresult>)exports.Required(nameof(cuEventRecord));
        cuEventSynchronize = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuEventSynchronize));
        cuEventElapsedTime = (delegate* unmanaged<float*, nint, nint, CUresult>)exports.Required(nameof(cuEventElapsedTime));
        cuEventDestroy_v2 = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuEventDestroy_v2));

        cuStreamBeginCapture_v2 = (delegate* unmanaged<nint, CUstreamCaptureMode, CUresult>)exports.Required(nameof(cuStreamBeginCapture_v2));
        cuStreamEndCapture = (delegate* unmanaged<nint, nint*, CUresult>)exports.Required(nameof(cuStreamEndCapture));
        cuGraphInstantiateWithFlags = (delegate* unmanaged<nint*, nint, ulong, CUresult>)exports.Required(nameof(cuGraphInstantiateWithFlags));
        cuGraphUpload = (delegate* unmanaged<nint, nint, CUresult>)exports.Required(nameof(cuGraphUpload));
        cuGraphLaunch = (delegate* unmanaged<nint, nint, CUresult>)exports.Required(nameof(cuGraphLaunch));
        cuGraphExecDestroy = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuGraphExecDestroy));
        cuGraphDestroy = (delegate* unmanaged<nint, CUresult>)exports.Required(nameof(cuGraphDestroy));

        cuGraphGetNodes = (delegate* unmanaged<nint, nint*, nuint*, CUresult>)exports.Optional(nameof(cuGraphGetNodes));
        cuFuncLoad = (delegate* unmanaged<nint, CUresult>)exports.Optional(nameof(cuFuncLoad));
        exports.Check();
    }

    /// <summary>The newest CUDA version that the driver supports, as 1000 major + 10 minor: 12040 is 12.4.</summary>
    public int Version
    {
        get
        {
            int version = 0;
            return cuDriverGetVersion(&version) == CUresult.CUDA_SUCCESS ? version : 0;
        }
    }

    /// <summary>The driver's name and description of a result code.</summary>
    public string Describe(CUresult result)
    {
        byte* name, text;
        if (cuGetErrorName(result, &name) != CUresult.CUDA_SUCCESS || name is null)
            return $"error {(int)result}";
        string description = cuGetErrorString(result, &text) == CUresult.CUDA_SUCCESS && text is not null ? $", {Utf8.Read(text)}" : "";
        return $"{Utf8.Read(name)} ({(int)result}{description})";
    }
}

/// <summary>Zero-terminated text of native libraries.</summary>
internal static unsafe class Utf8
{
    /// <summary>Upper bound of a library's message; unterminated text is cut there.</summary>
    private const int Longest = 1 << 16;

    public static string Read(byte* text)
    {
        if (text is null)
            return "";
        int length = 0;
        while (length < Longest && text[length] != 0)
            length++;
        return Encoding.UTF8.GetString(text, length);
    }

    /// <summary>The bytes of a text with the zero at the end.</summary>
    public static byte[] Write(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}
