using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Owns a driver resource. It is freed through the device's queue, so it may be disposed or finalized on any thread.</summary>
internal class DeviceHandle(Device device, Resource kind, ulong value) : IDisposable
{
    private int _isReturned;

    ~DeviceHandle() => Return();

    protected Device Device => device;

    /// <summary>Whether it was freed or queued to be freed.</summary>
    public bool IsReturned => Volatile.Read(ref _isReturned) != 0;

    /// <summary>The driver's handle or address.</summary>
    public ulong Value => value;

    public void Dispose()
    {
        Return();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees it at once, if nothing uses it any more and its memory is needed now.</summary>
    public void Free()
    {
        if (MarkReturned())
            device.Free(kind, value);
    }

    private void Return()
    {
        if (MarkReturned())
            device.Return(kind, value);
    }

    /// <summary>Whether this is the first call. An object whose constructor threw is finalized too; its value is 0.</summary>
    private bool MarkReturned() => value != 0 && Interlocked.Exchange(ref _isReturned, 1) == 0;
}

/// <summary>A CUDA event: a point on the device's stream.</summary>
internal sealed unsafe class DeviceEvent(Device device, bool timed) : DeviceHandle(device, Resource.Event, Create(device, timed))
{
    /// <summary>Records the event after all work queued so far.</summary>
    public void Record() => Device.Check(Device.Driver.cuEventRecord((nint)Value, Device.Stream), "cuEventRecord");

    /// <summary>Waits until the recorded point is reached.</summary>
    public void Wait()
    {
        Device.NotInCapture("waits for an event");
        Device.Check(Device.Driver.cuEventSynchronize((nint)Value), "cuEventSynchronize");
    }

    /// <summary>Milliseconds from another timed event to this one; both must have been reached.</summary>
    public float Since(DeviceEvent start)
    {
        float milliseconds;
        Device.Check(Device.Driver.cuEventElapsedTime(&milliseconds, (nint)start.Value, (nint)Value), "cuEventElapsedTime");
        return milliseconds;
    }

    private static ulong Create(Device device, bool timed)
    {
        nint handle;
        device.Check(device.Driver.cuEventCreate(&handle, timed ? Driver.CU_EVENT_DEFAULT : Driver.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
        return (ulong)handle;
    }
}
