using System.Collections.Concurrent;
using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Kinds of driver resources that a <see cref="DeviceHandle"/> owns.</summary>
internal enum Resource
{
    Piece,
    Pinned,
    Module,
    Event,
    Executable,
}

/// <summary>
/// One GPU with its primary context (which NVIDIA's libraries share) and the one stream on which everything runs in order. One caller at a
/// time, on any thread: every entry makes the context current on the calling thread. Disposed and finalized resources are queued and freed
/// only while no verb runs: a running verb may use the address, the finalizer's thread has no context, and nothing may be freed during a
/// stream capture.
/// </summary>
internal sealed unsafe class Device : IDisposable
{
    private readonly ConcurrentQueue<(Resource Kind, ulong Handle)> _returned = new();
    private readonly int _device;
    private readonly nint _context;
    private volatile bool _disposed;
    private DeviceLostException? _lost;

    /// <exception cref="CudaException">The driver cannot open the device.</exception>
    public Device(Driver driver, int ordinal)
    {
        (Driver, Ordinal) = (driver, ordinal);
        int device, major, minor, shared;
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
        Check(driver.cuDeviceGetAttribute(&shared, CUdevice_attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device), "cuDeviceGetAttribute");
        ComputeCapability = 10 * major + minor;
        MaxSharedBytes = shared - (1 << 10);
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

    /// <summary>Its index, from 0.</summary>
    public int Ordinal { get; }

    public string Name { get; }

    /// <summary>10 major + minor.</summary>
    public int ComputeCapability { get; }

    /// <summary>Dynamic shared memory that a block can be granted, in bytes, less what kernels declare.</summary>
    public int MaxSharedBytes { get; }

    /// <summary>The stream on which everything runs.</summary>
    public nint Stream { get; }

    /// <summary>Allocates the memory of tensors.</summary>
    public Arena Arena { get; }

    /// <summary>Bounds what is allocated. Called where the context is current.</summary>
    public void Limit(MemoryLimit memory)
    {
        nuint free, total;
        Check(Driver.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
        Arena.Most = memory.Of((long)total);
    }

    /// <summary>Copies between host and device.</summary>
    public Staging Staging { get; }

    /// <summary>The last queued op: an asynchronous fault is reported by some later call.</summary>
    public string LastOp { get; private set; } = "nothing";

    /// <summary>Whether launches are being captured instead of executed.</summary>
    public bool IsCapturing { get; set; }

    /// <summary>Storages whose addresses the current capture has used; null outside a capture.</summary>
    public HashSet<CudaStorage>? Captured { get; set; }

    /// <summary>
    /// The number of graphs that are not freed yet. They contain addresses, so while there are any no buffer that they may use can move.
    /// Whoever makes one increments it; <see cref="Free"/> decrements it, so that only the one caller inside changes it.
    /// </summary>
    public int Captures { get; set; }

    /// <summary>Begins an op: from here on the calling thread may call the driver.</summary>
    public void Enter(string op)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_lost is not null)
            throw new DeviceLostException(_lost.Subject, $"the device was lost before: {_lost.Reason}", _lost.Code);
        LastOp = op;
        Check(Driver.cuCtxSetCurrent(_context), "cuCtxSetCurrent");
    }

    /// <summary>Makes the context current on the calling thread, unless the device was lost or disposed.</summary>
    public bool TryMakeCurrent() => _lost is null && !_disposed && Driver.cuCtxSetCurrent(_context) == CUresult.CUDA_SUCCESS;

    /// <summary>Frees the queued resources. No verb may be running.</summary>
    public void Reclaim()
    {
        if (_returned.IsEmpty || IsCapturing)
            return;
        TryMakeCurrent();
        Drain();
    }

    /// <summary>Throws an exception that names the call and the last op unless the result is success.</summary>
    public void Check(CUresult result, string call)
    {
        if (result == CUresult.CUDA_SUCCESS)
            return;
        string subject = $"cuda:{Ordinal}", reason = $"{call} failed with {Driver.Describe(result)}; last op: {LastOp}";
        switch (result)
        {
            case CUresult.CUDA_ERROR_OUT_OF_MEMORY:
                throw new DeviceMemoryException(subject, reason);
            case CUresult.CUDA_ERROR_ECC_UNCORRECTABLE or CUresult.CUDA_ERROR_ILLEGAL_ADDRESS or CUresult.CUDA_ERROR_LAUNCH_TIMEOUT:
            case >= CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR and <= CUresult.CUDA_ERROR_LAUNCH_FAILED:
                throw _lost = new DeviceLostException(subject, reason, (int)result);
            default:
                throw new CudaException(subject, reason, (int)result);
        }
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        NotInCapture("waits for the device");
        Check(Driver.cuStreamSynchronize(Stream), "cuStreamSynchronize");
    }

    /// <exception cref="InvalidOperationException">The loop being captured does something that cannot be captured.</exception>
    public void NotInCapture(string what)
    {
        if (IsCapturing)
            throw new InvalidOperationException($"{LastOp} {what} inside a loop that is being captured: do it before the loop.");
    }

    /// <summary>
    /// Queues a resource to be freed before the next verb; callable from any thread. If the device is disposed, its context already freed
    /// it.
    /// </summary>
    public void Return(Resource kind, ulong handle)
    {
        if (!_disposed)
            _returned.Enqueue((kind, handle));
    }

    /// <summary>Frees everything except resources that others still own; the context frees those.</summary>
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

    /// <summary>Frees a resource at once. After the device was lost, and at the end of a process, the driver does it.</summary>
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
                Captures--;
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
