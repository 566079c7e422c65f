using System.Collections.Concurrent;
using Engine.Backends.Cuda.Native;

namespace Engine.Backends.Cuda;

/// <summary>What a device lends and wants back.</summary>
internal enum Resource
{
    Piece,
    Pinned,
    Module,
    Event,
    Executable,
}

/// <summary>
/// One GPU with its primary context (the one that NVIDIA's libraries share) and the one stream on which everything runs in order.
/// One caller at a time, on any thread: every entry makes the context that thread's. What is disposed or finalized waits in a queue until no verb
/// runs: a verb may have its address, the finalizer's thread has no context, and nothing may be freed while a stream is being captured.
/// </summary>
internal sealed unsafe class Device : IDisposable
{
    private readonly ConcurrentQueue<(Resource Kind, ulong Handle)> _returned = new();
    private readonly int _device;
    private readonly nint _context;
    private volatile bool _disposed;
    private DeviceLostException? _lost;

    /// <exception cref="CudaException">The driver refuses the device.</exception>
    public Device(Driver driver, int ordinal)
    {
        (Driver, Ordinal) = (driver, ordinal);
        int device, major, minor;
        nint context, stream;
        Check(driver.cuInit(0), "cuInit");
        Check(driver.cuDeviceGet(&device, ordinal), "cuDeviceGet");
        _device = device;
        const int longestName = 256;
        byte* name = stackalloc byte[longestName];
        Check(driver.cuDeviceGetName(name, longestName, device), "cuDeviceGetName");
        Name = Utf8.Read(name);
        Check(driver.cuDeviceGetAttribute(&major, CUdevice_attribute.COMPUTE_CAPABILITY_MAJOR, device), "cuDeviceGetAttribute");
        Check(driver.cuDeviceGetAttribute(&minor, CUdevice_attribute.COMPUTE_CAPABILITY_MINOR, device), "cuDeviceGetAttribute");
        ComputeCapability = 10 * major + minor;
        Check(driver.cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
        _context = context;
        try
        {
            Check(driver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
            Check(driver.cuStreamCreate(&stream, Driver.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        }
        catch (CudaException)
        {
            driver.cuDevicePrimaryCtxRelease_v2(device);
            throw;
        }
        Stream = stream;
        Arena = new Arena(this);
        Staging = new Staging(this);
    }

    public Driver Driver { get; }

    /// <summary>Its number, from 0.</summary>
    public int Ordinal { get; }

    public string Name { get; }

    /// <summary>10 major + minor.</summary>
    public int ComputeCapability { get; }

    /// <summary>Where everything runs.</summary>
    public nint Stream { get; }

    /// <summary>Where tensors live.</summary>
    public Arena Arena { get; }

    /// <summary>How numbers come and go.</summary>
    public Staging Staging { get; }

    /// <summary>What was last sent to the device: a fault shows in some later call.</summary>
    public string LastOp { get; private set; } = "nothing";

    /// <summary>Whether what is sent is being captured and not run.</summary>
    public bool IsCapturing { get; set; }

    /// <summary>What the loop that is being captured has taken addresses of; null outside a capture.</summary>
    public HashSet<CudaStorage>? Captured { get; set; }

    /// <summary>Captured work that is alive: it holds addresses, so no buffer that it may use can move.</summary>
    public int Captures { get; set; }

    /// <summary>Begins an op: from here on this thread may call the driver.</summary>
    public void Enter(string op)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_lost is not null)
            throw new DeviceLostException($"{_lost.Message} The device was lost then: end this process.", _lost.Code);
        LastOp = op;
        Check(Driver.cuCtxSetCurrent(_context), "cuCtxSetCurrent");
    }

    /// <summary>Makes the context this thread's, where the device is still there.</summary>
    public bool TryMakeCurrent() => _lost is null && !_disposed && Driver.cuCtxSetCurrent(_context) == CUresult.CUDA_SUCCESS;

    /// <summary>Frees what was given back. No verb may run.</summary>
    public void Reclaim()
    {
        if (_returned.IsEmpty || IsCapturing)
            return;
        TryMakeCurrent();
        Drain();
    }

    /// <summary>Turns an answer that is not success into an exception that names the call and the last op.</summary>
    public void Check(CUresult result, string call)
    {
        if (result == CUresult.CUDA_SUCCESS)
            return;
        string message = $"cuda:{Ordinal}: {call} failed with {Driver.Describe(result)}; last op: {LastOp}.";
        switch (result)
        {
            case CUresult.CUDA_ERROR_OUT_OF_MEMORY:
                throw new DeviceMemoryException($"{message} Take fewer or smaller images at a time.");
            case CUresult.CUDA_ERROR_ECC_UNCORRECTABLE or CUresult.CUDA_ERROR_ILLEGAL_ADDRESS or CUresult.CUDA_ERROR_LAUNCH_TIMEOUT:
            case >= CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR and <= CUresult.CUDA_ERROR_LAUNCH_FAILED:
                throw _lost = new DeviceLostException(message, (int)result);
            default:
                throw new CudaException(message, (int)result);
        }
    }

    /// <summary>Waits until everything that was sent has run.</summary>
    public void Synchronize()
    {
        NotInCapture("waits for the device");
        Check(Driver.cuStreamSynchronize(Stream), "cuStreamSynchronize");
    }

    /// <exception cref="InvalidOperationException">A loop that is being captured does what cannot be captured.</exception>
    public void NotInCapture(string what)
    {
        if (IsCapturing)
            throw new InvalidOperationException($"{LastOp} {what} inside a loop that is being captured: do it before the loop.");
    }

    /// <summary>Gives something back, from any thread. It is freed before the next verb. What a disposed device gets went with its context.</summary>
    public void Return(Resource kind, ulong handle)
    {
        if (!_disposed)
            _returned.Enqueue((kind, handle));
    }

    /// <summary>Frees everything but what others still hold; what they give back later goes with the context.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        if (TryMakeCurrent())
        {
            Driver.cuStreamSynchronize(Stream);
            Staging.Dispose();
            Drain();
            Arena.Dispose();
            Driver.cuStreamDestroy_v2(Stream);
            Driver.cuDevicePrimaryCtxRelease_v2(_device);
        }
        _disposed = true;
    }

    /// <summary>Frees something at once. After the device was lost, and at the end of a process, the driver does that itself.</summary>
    public void Free(Resource kind, ulong handle)
    {
        if (_lost is not null)
            return;
        switch (kind)
        {
            case Resource.Piece:
                Arena.Free(handle);
                break;
            case Resource.Pinned:
                Check(Driver.cuMemFreeHost((void*)handle), "cuMemFreeHost");
                break;
            case Resource.Module:
                Check(Driver.cuModuleUnload((nint)handle), "cuModuleUnload");
                break;
            case Resource.Event:
                Check(Driver.cuEventDestroy_v2((nint)handle), "cuEventDestroy");
                break;
            case Resource.Executable:
                Check(Driver.cuGraphExecDestroy((nint)handle), "cuGraphExecDestroy");
                break;
        }
    }

    private void Drain()
    {
        while (_returned.TryDequeue(out (Resource Kind, ulong Handle) returned))
            Free(returned.Kind, returned.Handle);
    }
}
