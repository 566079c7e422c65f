using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// Copies between host and device through two page-locked buffers: while the device copies one, the host fills or empties the other. From
/// other memory the driver would first make a page-locked copy of its own.
/// </summary>
internal sealed unsafe class Staging(Device device) : IDisposable
{
    private const int BufferBytes = 4 << 20;

    private readonly DeviceHandle?[] _buffers = new DeviceHandle?[2];
    private readonly DeviceEvent?[] _done = new DeviceEvent?[2];

    /// <summary>
    /// Copies host to device. On return the host's memory may be reused, and later work on the stream sees the device's data.
    /// </summary>
    public void Upload(ReadOnlySpan<byte> from, ulong to)
    {
        device.NotInCapture("uploads");
        for (int turn = 0; !from.IsEmpty; turn ^= 1)
        {
            byte* buffer = Ready(turn);
            int bytes = Math.Min(from.Length, BufferBytes);
            _done[turn]!.Wait();
            from[..bytes].CopyTo(new Span<byte>(buffer, bytes));
            device.Check(device.Driver.cuMemcpyHtoDAsync_v2(to, buffer, (nuint)bytes, device.Stream), "cuMemcpyHtoDAsync");
            _done[turn]!.Record();
            from = from[bytes..];
            to += (ulong)bytes;
        }
    }

    /// <summary>Copies device to host after all work queued before, and waits for completion.</summary>
    public void Download(ulong from, Span<byte> to)
    {
        device.NotInCapture("downloads");
        Span<byte> awaited = default;
        int turn = 0;
        for (; !to.IsEmpty; turn ^= 1)
        {
            byte* buffer = Ready(turn);
            int bytes = Math.Min(to.Length, BufferBytes);
            device.Check(device.Driver.cuMemcpyDtoHAsync_v2(buffer, from, (nuint)bytes, device.Stream), "cuMemcpyDtoHAsync");
            _done[turn]!.Record();
            Collect(turn ^ 1, awaited);
            awaited = to[..bytes];
            to = to[bytes..];
            from += (ulong)bytes;
        }
        Collect(turn ^ 1, awaited);
    }

    public void Dispose()
    {
        for (int turn = 0; turn < 2; turn++)
        {
            _buffers[turn]?.Dispose();
            _done[turn]?.Dispose();
        }
    }

    /// <summary>Copies what the device wrote into a buffer to the caller.</summary>
    private void Collect(int turn, Span<byte> to)
    {
        if (to.IsEmpty)
            return;
        _done[turn]!.Wait();
        new ReadOnlySpan<byte>((byte*)_buffers[turn]!.Value, to.Length).CopyTo(to);
    }

    private byte* Ready(int turn)
    {
        if (_buffers[turn] is null)
        {
            void* pointer;
            device.Check(device.Driver.cuMemHostAlloc(&pointer, BufferBytes, Driver.CU_MEMHOSTALLOC_PORTABLE), "cuMemHostAlloc");
            _buffers[turn] = new DeviceHandle(device, Resource.Pinned, (ulong)pointer);
            _done[turn] = new DeviceEvent(device, timed: false);
        }
        return (byte*)_buffers[turn]!.Value;
    }
}
