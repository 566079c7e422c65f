namespace Iba.Engine.Backends.Cuda;

/// <summary>Purposes of scratch memory. A verb uses a buffer for one purpose at a time.</summary>
internal enum ScratchUse
{
    /// <summary>Workspace of cuDNN and cuBLASLt.</summary>
    Workspace,

    /// <summary>An input rounded to bfloat16.</summary>
    Input,

    /// <summary>A second input, or weights, rounded to bfloat16.</summary>
    SecondInput,

    /// <summary>A result before it is added to or copied to its destination.</summary>
    Result,

    /// <summary>Partial sums between two stages.</summary>
    Partial,
}

/// <summary>
/// Memory that a verb needs while it runs: one buffer per purpose, shared by all verbs because they run in order. Buffers only grow, and
/// never inside a capture. An outgrown buffer is kept while a capture is alive, because captures contain its address.
/// </summary>
internal sealed class Scratch(Device device)
{
    private readonly (DeviceHandle? Buffer, long Bytes)[] _buffers = new (DeviceHandle?, long)[Enum.GetValues<ScratchUse>().Length];
    private readonly List<DeviceHandle> _outgrown = [];

    /// <summary>The address of at least <paramref name="bytes"/> bytes; 0 if none are needed.</summary>
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

    /// <summary>Bytes allocated now.</summary>
    public long Bytes => _buffers.Sum(buffer => buffer.Bytes);

    private void Retire(DeviceHandle? buffer)
    {
        if (device.Captures == 0)
        {
            // The old buffer is freed before the new one is allocated: both together may not fit.
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
