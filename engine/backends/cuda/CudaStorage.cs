using Iba.Engine.Backends.Cuda.Plans;

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

    /// <summary>Copies in other forms, made on first use; null if there are none.</summary>
    public List<WeightCopy>? Copies { get; set; }

    /// <summary>Whether that device allocated it.</summary>
    public bool IsOf(Device owner) => Device == owner;

    /// <summary>The device.</summary>
    public override string ToString() => $"cuda:{Device.Ordinal}";

    public new void Dispose()
    {
        Copies?.ForEach(copy => copy.Memory.Dispose());
        base.Dispose();
    }
}
