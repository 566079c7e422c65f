namespace Iba.Engine.Backends.Cuda;

/// <summary>An allocation in the device's memory, behind tensors.</summary>
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

    /// <summary>A copy rounded to bfloat16, made on first use.</summary>
    public DeviceHandle? Rounded { get; set; }

    /// <summary>Whether the data was written after the copy was rounded.</summary>
    public bool IsStale { get; set; }

    /// <summary>Whether that device allocated it.</summary>
    public bool IsOf(Device owner) => Device == owner;

    public new void Dispose()
    {
        Rounded?.Dispose();
        base.Dispose();
    }
}
