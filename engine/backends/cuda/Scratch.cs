namespace Engine.Backends.Cuda;

/// <summary>What scratch memory is for. Uses of one verb do not overlap.</summary>
internal enum ScratchUse
{
    /// <summary>cuDNN's and cuBLASLt's own.</summary>
    Workspace,

    /// <summary>An input rounded to bfloat16.</summary>
    Input,

    /// <summary>A second input, or weights, rounded to bfloat16.</summary>
    SecondInput,

    /// <summary>A result on its way to where it belongs.</summary>
    Result,

    /// <summary>Sums between two stages.</summary>
    Partial,
}

/// <summary>
/// Memory that a verb needs while it runs: one buffer for each use, shared by all verbs since they run in order. Buffers only grow, and
/// never inside a capture. While captured work is alive an outgrown buffer stays, because the capture holds its address.
/// </summary>
internal sealed class Scratch(Device device)
{
    private readonly (DeviceHandle? Buffer, long Bytes)[] _buffers = new (DeviceHandle?, long)[Enum.GetValues<ScratchUse>().Length];
    private readonly List<DeviceHandle> _outgrown = [];

    /// <summary>At least so many bytes; 0 for none.</summary>
    public ulong Get(ScratchUse use, long bytes)
    {
        ref (DeviceHandle? Buffer, long Bytes) held = ref _buffers[(int)use];
        if (bytes == 0)
            return 0;
        if (held.Bytes >= bytes)
            return held.Buffer!.Value;
        Retire(held.Buffer);
        held = default;
        held = (new DeviceHandle(device, Resource.Piece, device.Arena.Allocate(bytes)), bytes);
        return held.Buffer!.Value;
    }

    /// <summary>Bytes held now.</summary>
    public long Bytes => _buffers.Sum(buffer => buffer.Bytes);

    private void Retire(DeviceHandle? buffer)
    {
        if (device.Captures == 0)
        {
            // Freed before the successor is asked for: both may not fit.
            _outgrown.ForEach(old => old.Free());
            _outgrown.Clear();
            buffer?.Free();
        }
        else if (buffer is not null)
        {
            _outgrown.Add(buffer);
        }
    }
}
