using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>cuDNN on one device: its handle, bound to the device's stream. Used by one thread at a time.</summary>
internal sealed unsafe class CudnnSession : IDisposable
{
    /// <exception cref="CudnnException">cuDNN does not start: its parts have mixed versions, or it does not match the driver.</exception>
    public CudnnSession(Cudnn cudnn, Device device)
    {
        (Cudnn, Device) = (cudnn, device);
        Version = (long)cudnn.cudnnGetVersion();
        nint handle;
        Check(cudnn.cudnnCreate(&handle), "cudnnCreate");
        Handle = handle;
        Check(cudnn.cudnnSetStream(handle, device.Stream), "cudnnSetStream");
    }

    public Cudnn Cudnn { get; }

    public Device Device { get; }

    public nint Handle { get; }

    /// <summary>10000 major + 100 minor + patch.</summary>
    public long Version { get; }

    public void Check(cudnnStatus status, string call)
    {
        if (status != cudnnStatus.CUDNN_STATUS_SUCCESS)
            throw new CudnnException(status, $"cuda:{Device.Ordinal}", $"{call}: {Cudnn.LastError(status)}; last op: {Device.LastOp}");
    }

    public void Dispose() => Cudnn.cudnnDestroy(Handle);
}
