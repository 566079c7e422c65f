namespace Engine.Backends.Cuda;

/// <summary>A piece of the device's memory behind tensors.</summary>
internal sealed class CudaStorage(Device device, long count) : DeviceHandle(device, Resource.Piece, device.Arena.Allocate(count * sizeof(float))), IDeviceMemory
{
    /// <inheritdoc/>
    public nint Address => (nint)Value;

    /// <summary>How many numbers it holds.</summary>
    public long Count => count;

    /// <summary>The same numbers rounded to bfloat16, made on first use.</summary>
    public DeviceHandle? Rounded { get; set; }

    /// <summary>Whether the numbers were written after they were rounded.</summary>
    public bool IsStale { get; set; }

    public new void Dispose()
    {
        Rounded?.Dispose();
        base.Dispose();
    }
}
