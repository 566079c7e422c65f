namespace Engine.Backends.Cuda;

/// <summary>A piece of the device's memory behind tensors.</summary>
internal sealed class CudaStorage(Device device, long count)
    : DeviceHandle(device, Resource.Piece, device.Arena.Allocate(count * sizeof(float), mayReclaim: true)), IDeviceMemory
{
    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public nint Address
    {
        get
        {
            if (IsReturned)
                throw DisposedTensor.Exception;
            Device.Captured?.Add(this);
            return (nint)Value;
        }
    }

    /// <inheritdoc/>
    public long Count => count;

    /// <summary>The same numbers rounded to bfloat16, made on first use.</summary>
    public DeviceHandle? Rounded { get; set; }

    /// <summary>Whether the numbers were written after they were rounded.</summary>
    public bool IsStale { get; set; }

    /// <summary>Whether that device lent it.</summary>
    public bool IsOf(Device owner) => Device == owner;

    public new void Dispose()
    {
        Rounded?.Dispose();
        base.Dispose();
    }
}
