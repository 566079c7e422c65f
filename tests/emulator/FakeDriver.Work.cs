using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

internal sealed unsafe partial class FakeDriver
{
    /// <summary>The file of each kernel of cuda/.</summary>
    private static readonly Dictionary<string, string> Files = KernelSources.Files
        .SelectMany(file => KernelSources.Kernels(KernelSources.Source(file)).Select(kernel => (kernel, file))).ToDictionary();

    private readonly Dictionary<nint, string> _modules = [];
    private readonly Dictionary<nint, string> _functions = [];
    private readonly Dictionary<nint, int> _granted = [];
    private readonly List<nint> _borrowed = [];

    /// <summary>Shared memory that a block can be granted, in bytes: an H200's.</summary>
    private const int MostShared = 227 << 10;

    // ---- memory ----

    [UnmanagedCallersOnly]
    private static CUresult cuMemGetInfo_v2(nuint* free, nuint* total)
    {
        (*free, *total) = (Now.TotalBytes - Now.UsedBytes, Now.TotalBytes);
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuMemAlloc_v2(ulong* pointer, nuint bytes)
    {
        CUresult result = Now.Note("cuMemAlloc_v2", forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        // Where kernels run, blocks that tensors would share are refused: each tensor is then an allocation of its own, between guards.
        if (bytes > Now.TotalBytes - Now.UsedBytes || (Now.Execute is not null && bytes == Arena.BlockBytes))
            return CUresult.CUDA_ERROR_OUT_OF_MEMORY;
        var memory = new FakeMemory(bytes, Now.Execute is null ? 0 : Now.Offset(bytes), isTouched: !Now.IsIdle);
        *pointer = memory.Address;
        Now._memory[*pointer] = memory;
        Now.MostUsedBytes = nuint.Max(Now.MostUsedBytes, Now.UsedBytes);
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuMemFree_v2(ulong pointer)
    {
        CUresult result = Now.Note("cuMemFree_v2", forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        if (!Now._memory.Remove(pointer, out FakeMemory? memory))
            return CUresult.CUDA_ERROR_INVALID_VALUE;
        memory.Free();
        return CUresult.CUDA_SUCCESS;
    }

    /// <summary>
    /// Some allocations begin at odd places, as views do: at any float, or at a double where the size is a whole number of them.
    /// </summary>
    private int Offset(nuint bytes)
    {
        int step = bytes % 8 == 0 ? 8 : bytes % 4 == 0 ? 4 : 16;
        return _offsets.Next(2) * _offsets.Next(16 / step) * step;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuMemHostAlloc(void** pointer, nuint bytes, uint flags)
    {
        CUresult result = Now.Note("cuMemHostAlloc", forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        *pointer = NativeMemory.AlignedAlloc(bytes, 4096);
        Now._pinned[(nint)(*pointer)] = bytes;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuMemFreeHost(void* pointer)
    {
        CUresult result = Now.Note("cuMemFreeHost", forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        if (!Now._pinned.Remove((nint)pointer))
            return CUresult.CUDA_ERROR_INVALID_VALUE;
        NativeMemory.AlignedFree(pointer);
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyHtoDAsync_v2(ulong to, void* from, nuint bytes, nint stream) =>
        Now.Enqueue("cuMemcpyHtoDAsync_v2", () => NativeMemory.Copy(from, (void*)to, bytes));

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyDtoHAsync_v2(void* to, ulong from, nuint bytes, nint stream) =>
        Now.Enqueue("cuMemcpyDtoHAsync_v2", () => NativeMemory.Copy((void*)from, to, bytes));

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyDtoDAsync_v2(ulong to, ulong from, nuint bytes, nint stream) =>
        Now.Enqueue("cuMemcpyDtoDAsync_v2", () => NativeMemory.Copy((void*)from, (void*)to, bytes));

    [UnmanagedCallersOnly]
    private static CUresult cuMemsetD8Async(ulong to, byte value, nuint bytes, nint stream) =>
        Now.Enqueue("cuMemsetD8Async", () => NativeMemory.Fill((void*)to, bytes, value));

    [UnmanagedCallersOnly]
    private static CUresult cuMemsetD32Async(ulong to, uint value, nuint count, nint stream) =>
        Now.Enqueue("cuMemsetD32Async", () => new Span<uint>((void*)to, (int)count).Fill(value));

    // ---- kernels ----

    [UnmanagedCallersOnly]
    private static CUresult cuModuleLoadDataEx(nint* module, void* image, uint count, int* options, void** values)
    {
        CUresult result = Now.Make("cuModuleLoadDataEx", "module", module);
        if (result == CUresult.CUDA_SUCCESS)
            Now._modules[*module] = Utf8.Read((byte*)image);
        return result;
    }

    /// <summary>The fake compiler's code and PTX name their file. A kernel of another file is not found; one of no file is a test's own.</summary>
    [UnmanagedCallersOnly]
    private static CUresult cuModuleGetFunction(nint* function, nint module, byte* name)
    {
        FakeDriver now = Now;
        string kernel = Utf8.Read(name);
        if (Files.TryGetValue(kernel, out string? file) && !now._modules[module].Contains($"{file}.cu", StringComparison.Ordinal))
            return CUresult.CUDA_ERROR_NOT_FOUND;
        CUresult result = now.Make("cuModuleGetFunction", "function", function, forbiddenInCapture: false);
        if (result == CUresult.CUDA_SUCCESS)
            now._functions[*function] = kernel;
        return result;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuModuleUnload(nint module) => Now.Destroy("cuModuleUnload", module, "module");

    [UnmanagedCallersOnly]
    private static CUresult cuFuncSetAttribute(nint function, int attribute, int value)
    {
        CUresult result = Now.Note("cuFuncSetAttribute");
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        if (attribute != Driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > MostShared || !Now._functions.ContainsKey(function))
            return CUresult.CUDA_ERROR_INVALID_VALUE;
        Now._granted[function] = value;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuFuncLoad(nint function) => Now.Note("cuFuncLoad");

    [UnmanagedCallersOnly]
    private static CUresult cuLaunchKernel(
        nint function, uint gx, uint gy, uint gz, uint bx, uint by, uint bz, uint shared, nint stream, void** parameters, void** extra)
    {
        FakeDriver now = Now;
        if (!now._functions.TryGetValue(function, out string? name) || gx == 0 || gy == 0 || gz == 0 || bx * by * bz is 0 or > 1024
            || shared > now._granted.GetValueOrDefault(function, 48 << 10))
            return CUresult.CUDA_ERROR_INVALID_VALUE;
        if (now.Execute is null)
        {
            long bytes = now.Traffic is null ? 0 : Emulator.Traffic.Of(name, new Extent(gx, gy), parameters);
            return now.Enqueue("cuLaunchKernel", () =>
            {
                now.Launched.Add(name);
                now.Traffic?.Add(new Sent(name, bytes));
            });
        }
        KernelParameter[] wanted = now.Parameters!(name);
        CUresult fits = now.Try(() => CheckArguments(name, wanted, parameters));
        if (fits != CUresult.CUDA_SUCCESS)
            return fits;
        nint arguments = now.Keep(wanted, parameters);
        return now.Enqueue("cuLaunchKernel", () =>
        {
            now.Launched.Add(name);
            FakeMemory[] read = now.Read(wanted, (ulong**)arguments);
            foreach (FakeMemory memory in read)
                memory.Remember();
            now.Execute(name, new Extent(gx, gy), new Extent(bx, by), shared, arguments);
            if (read.FirstOrDefault(memory => memory.HasChanged()) is { } changed)
                throw new InvalidOperationException($"{name} changes {changed.Bytes} bytes that it is only given to read");
        }, name);
    }

    /// <summary>
    /// A real driver would read any argument. The backend passes addresses of its own <see cref="Argument"/>s, which know their
    /// sizes, in a list that ends with null unless it is full.
    /// </summary>
    private static void CheckArguments(string kernel, KernelParameter[] wanted, void** given)
    {
        var sizes = new List<int>();
        while (sizes.Count < Launch.MaxArguments && given[sizes.Count] is not null)
            sizes.Add(((Argument*)given[sizes.Count])->Size);
        if (!sizes.SequenceEqual(wanted.Select(parameter => parameter.Size)))
            throw new InvalidOperationException($"{kernel} has arguments of {Words(sizes)} bytes for parameters of {Words(wanted.Select(each => each.Size))}");

        static string Words(IEnumerable<int> sizes) => string.Join(", ", sizes);
    }

    /// <summary>The allocations to which arguments point, also from within structs, but none that the kernel may write.</summary>
    private FakeMemory[] Read(KernelParameter[] parameters, ulong** arguments)
    {
        HashSet<FakeMemory> read = [], written = [];
        for (int i = 0; i < parameters.Length; i++)
        {
            foreach (ulong word in new ReadOnlySpan<ulong>(arguments[i], parameters[i].Size / sizeof(ulong)))
            {
                if (_memory.Values.FirstOrDefault(memory => memory.Holds(word)) is { } held)
                    (parameters[i].IsWritten ? written : read).Add(held);
            }
        }
        return [.. read.Except(written)];
    }

    /// <summary>The driver copies a kernel's arguments when it is launched, so that the caller may free its own.</summary>
    private nint Keep(KernelParameter[] wanted, void** parameters)
    {
        nint copy = Borrow(wanted.Length * sizeof(void*) + wanted.Sum(each => Up(each.Size)));
        byte* value = (byte*)copy + wanted.Length * sizeof(void*);
        for (int i = 0; i < wanted.Length; value += Up(wanted[i].Size), i++)
        {
            ((void**)copy)[i] = value;
            NativeMemory.Copy(parameters[i], value, (nuint)wanted[i].Size);
        }
        return copy;

        static int Up(int size) => (size + 7) / 8 * 8;
    }

    /// <summary>Memory that lasts as long as the fake.</summary>
    private nint Borrow(int bytes)
    {
        nint memory = Marshal.AllocHGlobal(bytes);
        _borrowed.Add(memory);
        return memory;
    }

    // ---- streams, events, graphs ----

    [UnmanagedCallersOnly]
    private static CUresult cuStreamCreate(nint* stream, uint flags) =>
        flags == Driver.CU_STREAM_NON_BLOCKING ? Now.Make("cuStreamCreate", "stream", stream) : CUresult.CUDA_ERROR_INVALID_VALUE;

    [UnmanagedCallersOnly]
    private static CUresult cuStreamDestroy_v2(nint stream) => Now.Destroy("cuStreamDestroy_v2", stream, "stream");

    [UnmanagedCallersOnly]
    private static CUresult cuStreamSynchronize(nint stream) => Now.Note("cuStreamSynchronize", forbiddenInCapture: true);

    [UnmanagedCallersOnly]
    private static CUresult cuEventCreate(nint* created, uint flags) => Now.Make("cuEventCreate", "event", created);

    [UnmanagedCallersOnly]
    private static CUresult cuEventRecord(nint recorded, nint stream) => Now.Note("cuEventRecord");

    [UnmanagedCallersOnly]
    private static CUresult cuEventSynchronize(nint awaited) => Now.Note("cuEventSynchronize", forbiddenInCapture: true);

    [UnmanagedCallersOnly]
    private static CUresult cuEventElapsedTime(float* milliseconds, nint start, nint end)
    {
        *milliseconds = Now.Elapsed?.Invoke() ?? 1f;
        return Now.Note("cuEventElapsedTime");
    }

    /// <summary>What the next pair of events measured, in milliseconds.</summary>
    public Func<float>? Elapsed { get; set; }

    [UnmanagedCallersOnly]
    private static CUresult cuEventDestroy_v2(nint destroyed) => Now.Destroy("cuEventDestroy_v2", destroyed, "event");

    [UnmanagedCallersOnly]
    private static CUresult cuStreamBeginCapture_v2(nint stream, CUstreamCaptureMode mode)
    {
        CUresult result = Now.Note("cuStreamBeginCapture_v2", forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS || mode != CUstreamCaptureMode.THREAD_LOCAL)
            return result == CUresult.CUDA_SUCCESS ? CUresult.CUDA_ERROR_INVALID_VALUE : result;
        Now._capturing = [];
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuStreamEndCapture(nint stream, nint* graph)
    {
        FakeDriver now = Now;
        CUresult result = now.Note("cuStreamEndCapture");
        List<Action> work = now._capturing ?? [];
        now._capturing = null;
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        *graph = now.Make("graph");
        now._graphs[*graph] = work;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags)
    {
        FakeDriver now = Now;
        CUresult result = now.Make("cuGraphInstantiateWithFlags", "executable", executable);
        if (result == CUresult.CUDA_SUCCESS)
            now._graphs[*executable] = now._graphs[graph];
        return result;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuGraphUpload(nint executable, nint stream) => Now.Note("cuGraphUpload", forbiddenInCapture: true);

    [UnmanagedCallersOnly]
    private static CUresult cuGraphLaunch(nint executable, nint stream)
    {
        FakeDriver now = Now;
        return now._graphs.TryGetValue(executable, out List<Action>? work)
            ? now.Enqueue("cuGraphLaunch", () => work.ForEach(step => step()))
            : CUresult.CUDA_ERROR_INVALID_VALUE;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuGraphExecDestroy(nint executable) => Now.Destroy("cuGraphExecDestroy", executable, "executable");

    /// <summary>A query, which is not recorded.</summary>
    [UnmanagedCallersOnly]
    private static CUresult cuGraphGetNodes(nint graph, nint* nodes, nuint* count)
    {
        *count = (nuint)Now._graphs[graph].Count;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuGraphDestroy(nint graph) => Now.Destroy("cuGraphDestroy", graph, "graph");

    private static readonly Dictionary<string, nint> Addresses = new()
    {
        ["cuInit"] = (nint)(delegate* unmanaged<uint, CUresult>)&cuInit,
        ["cuDriverGetVersion"] = (nint)(delegate* unmanaged<int*, CUresult>)&cuDriverGetVersion,
        ["cuGetErrorName"] = (nint)(delegate* unmanaged<CUresult, byte**, CUresult>)&cuGetErrorName,
        ["cuGetErrorString"] = (nint)(delegate* unmanaged<CUresult, byte**, CUresult>)&cuGetErrorString,
        ["cuDeviceGetCount"] = (nint)(delegate* unmanaged<int*, CUresult>)&cuDeviceGetCount,
        ["cuDeviceGet"] = (nint)(delegate* unmanaged<int*, int, CUresult>)&cuDeviceGet,
        ["cuDeviceGetName"] = (nint)(delegate* unmanaged<byte*, int, int, CUresult>)&cuDeviceGetName,
        ["cuDeviceGetAttribute"] = (nint)(delegate* unmanaged<int*, CUdevice_attribute, int, CUresult>)&cuDeviceGetAttribute,
        ["cuDeviceTotalMem_v2"] = (nint)(delegate* unmanaged<nuint*, int, CUresult>)&cuDeviceTotalMem_v2,
        ["cuDevicePrimaryCtxRetain"] = (nint)(delegate* unmanaged<nint*, int, CUresult>)&cuDevicePrimaryCtxRetain,
        ["cuDevicePrimaryCtxRelease_v2"] = (nint)(delegate* unmanaged<int, CUresult>)&cuDevicePrimaryCtxRelease_v2,
        ["cuCtxSetCurrent"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuCtxSetCurrent,
        ["cuCtxGetCurrent"] = (nint)(delegate* unmanaged<nint*, CUresult>)&cuCtxGetCurrent,
        ["cuMemGetInfo_v2"] = (nint)(delegate* unmanaged<nuint*, nuint*, CUresult>)&cuMemGetInfo_v2,
        ["cuMemAlloc_v2"] = (nint)(delegate* unmanaged<ulong*, nuint, CUresult>)&cuMemAlloc_v2,
        ["cuMemFree_v2"] = (nint)(delegate* unmanaged<ulong, CUresult>)&cuMemFree_v2,
        ["cuMemHostAlloc"] = (nint)(delegate* unmanaged<void**, nuint, uint, CUresult>)&cuMemHostAlloc,
        ["cuMemFreeHost"] = (nint)(delegate* unmanaged<void*, CUresult>)&cuMemFreeHost,
        ["cuMemcpyHtoDAsync_v2"] = (nint)(delegate* unmanaged<ulong, void*, nuint, nint, CUresult>)&cuMemcpyHtoDAsync_v2,
        ["cuMemcpyDtoHAsync_v2"] = (nint)(delegate* unmanaged<void*, ulong, nuint, nint, CUresult>)&cuMemcpyDtoHAsync_v2,
        ["cuMemcpyDtoDAsync_v2"] = (nint)(delegate* unmanaged<ulong, ulong, nuint, nint, CUresult>)&cuMemcpyDtoDAsync_v2,
        ["cuMemsetD8Async"] = (nint)(delegate* unmanaged<ulong, byte, nuint, nint, CUresult>)&cuMemsetD8Async,
        ["cuMemsetD32Async"] = (nint)(delegate* unmanaged<ulong, uint, nuint, nint, CUresult>)&cuMemsetD32Async,
        ["cuModuleLoadDataEx"] = (nint)(delegate* unmanaged<nint*, void*, uint, int*, void**, CUresult>)&cuModuleLoadDataEx,
        ["cuModuleGetFunction"] = (nint)(delegate* unmanaged<nint*, nint, byte*, CUresult>)&cuModuleGetFunction,
        ["cuModuleUnload"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuModuleUnload,
        ["cuFuncSetAttribute"] = (nint)(delegate* unmanaged<nint, int, int, CUresult>)&cuFuncSetAttribute,
        ["cuFuncLoad"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuFuncLoad,
        ["cuLaunchKernel"] = (nint)(delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CUresult>)&cuLaunchKernel,
        ["cuStreamCreate"] = (nint)(delegate* unmanaged<nint*, uint, CUresult>)&cuStreamCreate,
        ["cuStreamDestroy_v2"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuStreamDestroy_v2,
        ["cuStreamSynchronize"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuStreamSynchronize,
        ["cuEventCreate"] = (nint)(delegate* unmanaged<nint*, uint, CUresult>)&cuEventCreate,
        ["cuEventRecord"] = (nint)(delegate* unmanaged<nint, nint, CUresult>)&cuEventRecord,
        ["cuEventSynchronize"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuEventSynchronize,
        ["cuEventElapsedTime"] = (nint)(delegate* unmanaged<float*, nint, nint, CUresult>)&cuEventElapsedTime,
        ["cuEventDestroy_v2"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuEventDestroy_v2,
        ["cuStreamBeginCapture_v2"] = (nint)(delegate* unmanaged<nint, CUstreamCaptureMode, CUresult>)&cuStreamBeginCapture_v2,
        ["cuStreamEndCapture"] = (nint)(delegate* unmanaged<nint, nint*, CUresult>)&cuStreamEndCapture,
        ["cuGraphInstantiateWithFlags"] = (nint)(delegate* unmanaged<nint*, nint, ulong, CUresult>)&cuGraphInstantiateWithFlags,
        ["cuGraphUpload"] = (nint)(delegate* unmanaged<nint, nint, CUresult>)&cuGraphUpload,
        ["cuGraphLaunch"] = (nint)(delegate* unmanaged<nint, nint, CUresult>)&cuGraphLaunch,
        ["cuGraphExecDestroy"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuGraphExecDestroy,
        ["cuGraphGetNodes"] = (nint)(delegate* unmanaged<nint, nint*, nuint*, CUresult>)&cuGraphGetNodes,
        ["cuGraphDestroy"] = (nint)(delegate* unmanaged<nint, CUresult>)&cuGraphDestroy,
    };
}
