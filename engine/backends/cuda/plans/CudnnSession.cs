using System.Diagnostics;
using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// cuDNN for one GPU: one that is there, by a handle bound to the device's stream, or one that is only described, for which plans can be built and
/// not run. Used by one thread at a time.
/// </summary>
internal sealed unsafe class CudnnSession : IDisposable
{
    /// <summary>A compiler of cuDNN's size may go deeper than a thread's usual stack.</summary>
    private const int StackBytes = 16 << 20;

    private readonly Descriptors? _described;
    private GpuDescription? _gpu;
    private bool _asked;

    /// <summary>For a GPU that is there.</summary>
    /// <exception cref="CudnnException">cuDNN does not start: its parts have mixed versions, or it does not match the driver.</exception>
    public CudnnSession(Cudnn cudnn, Device device)
    {
        (Cudnn, Device, Subject) = (cudnn, device, $"cuda:{device.Ordinal}");
        Version = (long)cudnn.cudnnGetVersion();
        nint handle;
        Check(cudnn.cudnnCreate(&handle), "cudnnCreate");
        Handle = handle;
        Check(cudnn.cudnnSetStream(handle, device.Stream), "cudnnSetStream");
    }

    /// <summary>For a GPU that is only described.</summary>
    /// <exception cref="CudnnException">cuDNN is older than 9.8, or refuses the description.</exception>
    public CudnnSession(Cudnn cudnn, GpuDescription gpu)
    {
        (Cudnn, _gpu, Subject, _asked) = (cudnn, gpu, gpu.Name, true);
        Version = (long)cudnn.cudnnGetVersion();
        _described = new Descriptors(cudnn);
        try
        {
            nint properties = _described.New(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
            _described.SetText(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, Utf8.Write(gpu.Json));
            Properties = _described.Finish(properties);
        }
        catch
        {
            _described.Dispose();
            throw;
        }
    }

    public Cudnn Cudnn { get; }

    /// <summary>The GPU; null if it is only described.</summary>
    public Device? Device { get; }

    /// <summary>Its name in messages.</summary>
    public string Subject { get; }

    /// <summary>cuDNN's handle; 0 for a GPU that is only described.</summary>
    public nint Handle { get; }

    /// <summary>The descriptor of a GPU that is only described; 0 for one that is there.</summary>
    public nint Properties { get; }

    /// <summary>10000 major + 100 minor + patch.</summary>
    public long Version { get; }

    /// <summary>cuDNN's description of the GPU; null where cuDNN is older than 9.8.</summary>
    public GpuDescription? Gpu
    {
        get
        {
            if (!_asked)
                (_gpu, _asked) = (Described(), true);
            return _gpu;
        }
    }

    public void Check(cudnnStatus status, string call)
    {
        if (status != cudnnStatus.CUDNN_STATUS_SUCCESS)
            throw new CudnnException(status, Subject, $"{call}: {Cudnn.LastError(status)}{(Device is null ? "" : $"; last op: {Device.LastOp}")}");
    }

    /// <summary>
    /// Finalizes plans side by side: compiling one takes seconds of one core, and cuDNN can compile several at once.
    /// </summary>
    /// <param name="plans">The described plans.</param>
    /// <param name="threads">How many at once.</param>
    /// <returns>For each plan why it failed, or null, and the seconds that it took.</returns>
    public (string? Fault, double Seconds)[] Finish(IReadOnlyList<nint> plans, int threads)
    {
        var results = new (string?, double)[plans.Count];
        int next = -1;
        Thread[] others = [.. Enumerable.Range(1, Math.Clamp(threads, 1, Math.Max(plans.Count, 1)) - 1).Select(_ => new Thread(Work, StackBytes))];
        foreach (Thread other in others)
            other.Start();
        Work();
        foreach (Thread other in others)
            other.Join();
        return results;

        void Work()
        {
            // Engines may load their code into the device's context as they are built.
            Device?.TryMakeCurrent();
            for (int i; (i = Interlocked.Increment(ref next)) < plans.Count;)
            {
                long start = Stopwatch.GetTimestamp();
                cudnnStatus status = Cudnn.cudnnBackendFinalize(plans[i]);
                string? fault = status == cudnnStatus.CUDNN_STATUS_SUCCESS ? null : $"cudnnBackendFinalize: {Cudnn.LastError(status)}";
                results[i] = (fault, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
    }

    public void Dispose()
    {
        _described?.Dispose();
        if (Handle != 0)
            Cudnn.cudnnDestroy(Handle);
    }

    private GpuDescription? Described()
    {
        try
        {
            using var descriptors = new Descriptors(Cudnn);
            nint properties = descriptors.New(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
            descriptors.Set(properties, CUDNN_ATTR_DEVICEPROP_HANDLE, cudnnBackendAttributeType.CUDNN_TYPE_HANDLE, Handle);
            byte[] text = descriptors.Text(descriptors.Finish(properties), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);
            return GpuDescription.TryParse(System.Text.Encoding.UTF8.GetString(text).TrimEnd('\0'));
        }
        catch (CudnnException)
        {
            return null;
        }
    }
}
