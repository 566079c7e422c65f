using System.Runtime.InteropServices;
using System.Text;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>What a launch does: a kernel's name, blocks, threads, dynamic shared memory, and the addresses of its arguments.</summary>
internal delegate void FakeKernel(string kernel, Extent grid, Extent block, uint sharedBytes, nint arguments);

/// <summary>A parameter of a kernel: its size in bytes, and whether it is the address of memory that the kernel may write.</summary>
internal readonly record struct KernelParameter(int Size, bool IsWritten);

/// <summary>
/// A driver without a GPU: host memory replaces the device's, every call is recorded, and the rules that a real driver enforces
/// are enforced: nothing is allocated, freed or waited for while a stream is being captured, what is captured runs when its graph is
/// launched, a handle that was never made or is already destroyed is an error. Where kernels run (<see cref="Execute"/>), it also detects what a
/// driver would let pass: writes outside of an allocation, writes to memory that a kernel is only given to read, and arguments that do not
/// fit the kernel. The device is then lost, and the driver's description of the error says why. One fake per thread, so tests may run in parallel.
/// </summary>
internal sealed unsafe partial class FakeDriver : IDisposable
{
    [ThreadStatic]
    private static FakeDriver? _current;

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<nint, FakeDriver> Contexts = new();
    private static long _drivers;

    private readonly Dictionary<ulong, FakeMemory> _memory = [];
    private readonly Dictionary<nint, nuint> _pinned = [];
    private readonly Dictionary<nint, string> _handles = [];
    private readonly Dictionary<nint, List<Action>> _graphs = [];
    private readonly Dictionary<string, (int After, CUresult Result)> _faults = [];
    private Random _offsets = new(1);
    private List<Action>? _capturing;
    private string? _lost;
    private nint _lastHandle = (nint)Interlocked.Add(ref _drivers, 1 << 24);

    private readonly FakeDriver? _outer;

    public FakeDriver() => (_outer, _current) = (_current, this);

    /// <summary>Answers the calls of this thread too, from here on.</summary>
    public void Join() => _current = this;

    /// <summary>The current context; 0 if there is none.</summary>
    public nint Context { get; private set; }

    /// <summary>The thread that last made the context its own.</summary>
    public int ContextThread { get; private set; }

    /// <summary>Threads without a driver of their own that made the context theirs.</summary>
    public System.Collections.Concurrent.ConcurrentDictionary<int, bool> HelpingThreads { get; } = new();

    /// <summary>Every call so far, by its native name.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Every kernel that has run so far (a captured one each time its graph is launched).</summary>
    public List<string> Launched { get; } = [];

    /// <summary>Kernels and libraries' calls that have run, with the bytes of their operands; null unless they are to be counted.</summary>
    public List<Sent>? Traffic { get; set; }

    public CUresult Start { get; set; } = CUresult.CUDA_SUCCESS;
    public int Version { get; set; } = 12060;
    public int Devices { get; set; } = 1;
    public int Capability { get; set; } = 90;
    public nuint TotalBytes { get; set; } = (nuint)1 << 30;

    /// <summary>Names that this driver does not have.</summary>
    public HashSet<string> Absent { get; } = [];

    /// <summary>Runs a kernel's work; by default nothing happens.</summary>
    public FakeKernel? Execute { get; set; }

    /// <summary>The parameters of a kernel; needed to run it.</summary>
    public Func<string, KernelParameter[]>? Parameters { get; set; }

    /// <summary>Memory, pinned memory and handles that are not freed, by the call that made them.</summary>
    public IEnumerable<string> Held =>
        [.. _memory.Select(_ => "memory"), .. _pinned.Select(_ => "pinned"), .. _handles.Values.Where(kind => kind is not "function")];

    /// <summary>The most memory that was in use at one time.</summary>
    public nuint MostUsedBytes { get; private set; }

    public nuint UsedBytes => _memory.Values.Aggregate((nuint)0, (sum, memory) => sum + memory.Bytes);

    /// <summary>Whether memory is only counted and nothing runs: for networks that are too large to be touched.</summary>
    public bool IsIdle { get; set; }

    /// <summary>Makes the call of that name fail, after the given number of successful calls.</summary>
    public void Fail(string call, CUresult result, int after = 0) => _faults[call] = (after, result);

    /// <summary>Lets the calls of that name succeed again.</summary>
    public void Heal(string call) => _faults.Remove(call);

    public Driver Table() => new(Find);

    public nint Find(string name) => Absent.Contains(name) ? 0 : Addresses.GetValueOrDefault(name);

    public void Dispose()
    {
        foreach (FakeMemory memory in _memory.Values)
            memory.Free();
        foreach (nint memory in _pinned.Keys)
            NativeMemory.AlignedFree((void*)memory);
        _borrowed.ForEach(Marshal.FreeHGlobal);
        _memory.Clear();
        _pinned.Clear();
        if (_current == this)
            _current = _outer;
    }

    private static FakeDriver Now => _current ?? throw new InvalidOperationException("a driver call on a thread without a fake driver");

    /// <summary>Work that a library sends to the stream; whether it could be sent.</summary>
    public bool Send(string call, Action work) => Enqueue(call, work) == CUresult.CUDA_SUCCESS;

    /// <summary>Records the call and returns its error, if it must fail.</summary>
    private CUresult Note(string call, bool forbiddenInCapture = false)
    {
        Calls.Add(call);
        if (_lost is not null)
            return CUresult.CUDA_ERROR_LAUNCH_FAILED;
        if (_faults.TryGetValue(call, out (int After, CUresult Result) fault))
        {
            if (fault.After == 0)
                return fault.Result;
            _faults[call] = fault with { After = fault.After - 1 };
        }
        return forbiddenInCapture && _capturing is not null ? CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUresult.CUDA_SUCCESS;
    }

    /// <summary>Work of a stream: at once, or when the graph that is being captured is launched.</summary>
    /// <param name="call">The driver's function.</param>
    /// <param name="work">The work. Where it throws, the device is lost.</param>
    /// <param name="name">What works, for messages; by default the function.</param>
    private CUresult Enqueue(string call, Action work, string? name = null)
    {
        CUresult result = Note(call);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        if (_capturing is not null)
            _capturing.Add(Guarded);
        else if (!IsIdle || call is "cudnnBackendExecute" or "cublasLtMatmul" or "cuGraphLaunch" or "cuLaunchKernel")
            return Try(Guarded);
        return CUresult.CUDA_SUCCESS;

        void Guarded()
        {
            work();
            if (Execute is not null && _memory.Values.Select(memory => memory.Damage()).FirstOrDefault(damage => damage is not null) is { } damage)
                throw new InvalidOperationException($"{name ?? call} writes {damage}");
        }
    }

    private CUresult Try(Action work)
    {
        try
        {
            work();
            return CUresult.CUDA_SUCCESS;
        }
        catch (Exception e)
        {
            _lost = e.Message;
            return CUresult.CUDA_ERROR_LAUNCH_FAILED;
        }
    }

    private nint Make(string kind)
    {
        _lastHandle += 0x10;
        _handles[_lastHandle] = kind;
        return _lastHandle;
    }

    private CUresult Make(string call, string kind, nint* handle, bool forbiddenInCapture = true)
    {
        CUresult result = Note(call, forbiddenInCapture);
        if (result == CUresult.CUDA_SUCCESS)
            *handle = Make(kind);
        return result;
    }

    private CUresult Destroy(string call, nint handle, string kind)
    {
        CUresult result = Note(call, forbiddenInCapture: true);
        if (result != CUresult.CUDA_SUCCESS)
            return result;
        if (_handles.GetValueOrDefault(handle) != kind)
            return CUresult.CUDA_ERROR_INVALID_VALUE;
        _handles.Remove(handle);
        _graphs.Remove(handle);
        return CUresult.CUDA_SUCCESS;
    }

    private static CUresult Text(string text, byte** to)
    {
        *to = Texts.GetOrAdd(text, static text => Marshal.StringToCoTaskMemUTF8(text)) is var at ? (byte*)at : null;
        return CUresult.CUDA_SUCCESS;
    }

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, nint> Texts = new();

    // ---- start, devices, contexts ----

    [UnmanagedCallersOnly]
    private static CUresult cuInit(uint flags) => Now.Note("cuInit") is not CUresult.CUDA_SUCCESS and var fault ? fault : Now.Start;

    [UnmanagedCallersOnly]
    private static CUresult cuDriverGetVersion(int* version)
    {
        *version = Now.Version;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuGetErrorName(CUresult result, byte** text) => Text(result.ToString(), text);

    [UnmanagedCallersOnly]
    private static CUresult cuGetErrorString(CUresult result, byte** text) => Text(Now._lost ?? "in the fake's words", text);

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetCount(int* count)
    {
        *count = Now.Devices;
        return Now.Note("cuDeviceGetCount");
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGet(int* device, int ordinal)
    {
        *device = ordinal;
        return ordinal < Now.Devices ? CUresult.CUDA_SUCCESS : CUresult.CUDA_ERROR_INVALID_DEVICE;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetName(byte* name, int length, int device)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes($"Fake GPU {device}"), 0];
        text.CopyTo(new Span<byte>(name, length));
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, int device)
    {
        *value = attribute switch
        {
            CUdevice_attribute.COMPUTE_CAPABILITY_MAJOR => Now.Capability / 10,
            CUdevice_attribute.COMPUTE_CAPABILITY_MINOR => Now.Capability % 10,
            CUdevice_attribute.MULTIPROCESSOR_COUNT => 132,
            CUdevice_attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN => MostShared,
            _ => 0,
        };
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceTotalMem_v2(nuint* bytes, int device)
    {
        *bytes = Now.TotalBytes;
        return CUresult.CUDA_SUCCESS;
    }

    /// <summary>Every context places its memory at the same offsets.</summary>
    [UnmanagedCallersOnly]
    private static CUresult cuDevicePrimaryCtxRetain(nint* context, int device)
    {
        Now._offsets = new Random(1);
        CUresult result = Now.Make("cuDevicePrimaryCtxRetain", "context", context);
        if (result == CUresult.CUDA_SUCCESS)
            Contexts[*context] = Now;
        return result;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDevicePrimaryCtxRelease_v2(int device)
    {
        nint context = Now._handles.FirstOrDefault(handle => handle.Value == "context").Key;
        return Now.Destroy("cuDevicePrimaryCtxRelease_v2", context, "context");
    }

    [UnmanagedCallersOnly]
    private static CUresult cuCtxSetCurrent(nint context)
    {
        // A thread that only helps has no driver of its own.
        if (_current is null && Contexts.TryGetValue(context, out FakeDriver? owner))
        {
            owner.HelpingThreads.TryAdd(Environment.CurrentManagedThreadId, true);
            return CUresult.CUDA_SUCCESS;
        }
        (Now.Context, Now.ContextThread) = (context, Environment.CurrentManagedThreadId);
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuCtxGetCurrent(nint* context)
    {
        *context = Now.Context;
        return CUresult.CUDA_SUCCESS;
    }
}
