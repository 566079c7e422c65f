using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Xunit;

namespace Tests.Emulator;

public sealed class DeviceTests : IDisposable
{
    private readonly FakeDriver _driver = new() { TotalBytes = (nuint)256 << 20 };
    private readonly Device _device;

    public DeviceTests() => _device = new Device(_driver.Table(), 0);

    public void Dispose()
    {
        _device.Dispose();
        _driver.Dispose();
    }

    [Fact]
    public void Small_pieces_share_a_block_and_joined_gaps_serve_again()
    {
        ulong[] pieces = [.. Enumerable.Range(0, 5).Select(_ => _device.Arena.Allocate(1000))];
        Assert.Single(_driver.Calls, call => call == "cuMemAlloc_v2");
        Assert.All(pieces, piece => Assert.Equal(0UL, piece % 512));
        Assert.Equal(5, pieces.Distinct().Count());
        Assert.Equal(5 * 1024, _device.Arena.UsedBytes);
        foreach (int i in (int[])[1, 3, 2])
            _device.Arena.Free(pieces[i]);
        Assert.Equal(pieces[1], _device.Arena.Allocate(3 * 1024));
        Assert.Throws<InvalidOperationException>(() => _device.Arena.Free(pieces[2]));
    }

    [Fact]
    public void A_large_allocation_has_its_own_block_and_is_freed_at_once()
    {
        ulong large = _device.Arena.Allocate(20 << 20);
        Assert.Equal((nuint)20 << 20, _driver.UsedBytes);
        _device.Arena.Free(large);
        Assert.Equal((nuint)0, _driver.UsedBytes);
    }

    [Fact]
    public void Any_order_of_allocating_and_freeing_keeps_allocations_apart()
    {
        var random = new Random(5);
        var held = new Dictionary<ulong, long>();
        for (int turn = 0; turn < 3000; turn++)
        {
            if (held.Count > 0 && random.Next(2) == 0)
            {
                ulong freed = held.Keys.ElementAt(random.Next(held.Count));
                held.Remove(freed);
                _device.Arena.Free(freed);
                continue;
            }
            long bytes = random.Next(1, 200_000);
            ulong piece = _device.Arena.Allocate(bytes);
            Assert.DoesNotContain(held, other => piece < other.Key + (ulong)other.Value && other.Key < piece + (ulong)bytes);
            held.Add(piece, bytes);
        }
        foreach (ulong piece in held.Keys)
            _device.Arena.Free(piece);
        Assert.Equal(0, _device.Arena.UsedBytes);
    }

    [Fact]
    public void Out_of_memory_names_the_bytes_requested_and_free_and_the_backend_stays_usable()
    {
        _device.Enter("Convolution");
        DeviceMemoryException full = Assert.Throws<DeviceMemoryException>(() => _device.Arena.Allocate(300L << 20));
        Assert.Contains("Convolution needs 300.0 MiB", full.Message);
        Assert.Contains("256.0 of 256.0 MiB are free", full.Message);
        Assert.Contains("fewer or smaller images", full.Message);
        Assert.NotEqual(0UL, _device.Arena.Allocate(100L << 20));
    }

    [Fact]
    public void Unused_blocks_are_freed_before_an_allocation_fails()
    {
        ulong small = _device.Arena.Allocate(100);
        _device.Arena.Free(small);
        Assert.Equal((nuint)32 << 20, _driver.UsedBytes);
        Assert.NotEqual(0UL, _device.Arena.Allocate(250L << 20));
        Assert.Equal((nuint)250 << 20, _driver.UsedBytes);
    }

    [Fact]
    public void Memory_of_unreachable_tensors_is_reclaimed_too()
    {
        Forget();
        Assert.NotEqual(0, new CudaStorage(_device, 50 << 20).Address);

        void Forget() => _ = new CudaStorage(_device, 50 << 20);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1_048_576)]
    [InlineData(3_333_333)]
    public void Uploaded_elements_are_downloaded_unchanged(int count)
    {
        ulong to = _device.Arena.Allocate(4L * count);
        byte[] sent = new byte[4 * count], received = new byte[4 * count];
        new Random(count).NextBytes(sent);
        _device.Staging.Upload(sent, to);
        _device.Staging.Download(to, received);
        Assert.Equal(sent, received);
        Assert.Equal(2, _driver.Calls.Count(call => call == "cuMemHostAlloc") + (count < 1_048_577 ? 1 : 0));
        Assert.DoesNotContain("cuStreamSynchronize", _driver.Calls);
    }

    [Fact]
    public void A_buffer_is_filled_again_only_when_the_device_has_read_it()
    {
        ulong to = _device.Arena.Allocate(20 << 20);
        _driver.Calls.Clear();
        _device.Staging.Upload(new byte[12 << 20], to);
        Assert.Equal(
            ["cuMemHostAlloc", "cuEventCreate", "cuEventSynchronize", "cuMemcpyHtoDAsync_v2", "cuEventRecord",
             "cuMemHostAlloc", "cuEventCreate", "cuEventSynchronize", "cuMemcpyHtoDAsync_v2", "cuEventRecord",
             "cuEventSynchronize", "cuMemcpyHtoDAsync_v2", "cuEventRecord"], _driver.Calls);
    }

    [Fact]
    public void Memory_of_unreachable_tensors_is_not_freed_during_a_verb()
    {
        Forget();
        Assert.Throws<DeviceMemoryException>(() => new Scratch(_device).Get(ScratchUse.Workspace, 200 << 20));
        Assert.Equal(200 << 20, _device.Arena.UsedBytes);

        void Forget() => _ = new CudaStorage(_device, 50 << 20);
    }

    [Fact]
    public void What_is_disposed_on_another_thread_is_freed_before_the_next_verb()
    {
        var storage = new CudaStorage(_device, 1000);
        var other = new Thread(storage.Dispose);
        other.Start();
        other.Join();
        Assert.Equal(4096, _device.Arena.UsedBytes);
        _device.Reclaim();
        Assert.Equal(0, _device.Arena.UsedBytes);
        storage.Dispose();
        _device.Reclaim();
    }

    [Fact]
    public void Nothing_is_freed_during_a_capture()
    {
        var gone = new DeviceEvent(_device, timed: true);
        _device.IsCapturing = true;
        gone.Dispose();
        _device.Reclaim();
        Assert.DoesNotContain("cuEventDestroy_v2", _driver.Calls);
        _device.IsCapturing = false;
        _device.Reclaim();
        Assert.Contains("cuEventDestroy_v2", _driver.Calls);
    }

    [Theory]
    [InlineData(700)]
    [InlineData(702)]
    [InlineData(715)]
    [InlineData(719)]
    public void A_lost_device_stays_lost_and_names_the_last_op(int code)
    {
        _device.Enter("Blur");
        DeviceLostException lost = Assert.Throws<DeviceLostException>(() => _device.Check((CUresult)code, "cuLaunchKernel(blur_forward)"));
        Assert.Contains("cuLaunchKernel(blur_forward)", lost.Message);
        Assert.Contains("last op: Blur", lost.Message);
        Assert.Equal(code, lost.Code);
        Assert.Contains("lost to this process: end it", Assert.Throws<DeviceLostException>(() => _device.Enter("Add")).Message);
        new CudaStorage(_device, 10).Dispose();
        _driver.Calls.Clear();
        _device.Dispose();
        Assert.Empty(_driver.Calls);
    }

    [Fact]
    public void Any_other_error_names_the_call_and_the_drivers_message()
    {
        CudaException e = Assert.Throws<CudaException>(() => _device.Check(CUresult.CUDA_ERROR_INVALID_VALUE, "cuEventRecord"));
        Assert.Contains("cuEventRecord failed with CUDA_ERROR_INVALID_VALUE (1, in the fake's words)", e.Message);
        _device.Enter("and on");
    }

    [Fact]
    public void A_device_that_cannot_be_set_up_releases_its_context()
    {
        using var driver = new FakeDriver();
        driver.Fail("cuStreamCreate", CUresult.CUDA_ERROR_INVALID_VALUE);
        Assert.Throws<CudaException>(() => new Device(driver.Table(), 0));
        Assert.Empty(driver.Held);
    }

    [Fact]
    public void A_disposed_device_holds_nothing()
    {
        _device.Staging.Upload(new byte[10], _device.Arena.Allocate(10));
        _device.Arena.Allocate(20 << 20);
        new DeviceEvent(_device, timed: false).Dispose();
        _device.Dispose();
        Assert.Empty(_driver.Held);
        _device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _device.Enter("late"));
    }

    [Fact]
    public void Scratch_grows_and_an_outgrown_buffer_stays_while_captured_work_may_use_it()
    {
        var scratch = new Scratch(_device);
        ulong first = scratch.Get(ScratchUse.Workspace, 1000);
        Assert.Equal(first, scratch.Get(ScratchUse.Workspace, 500));
        Assert.NotEqual(first, scratch.Get(ScratchUse.Input, 500));
        _device.Captures = 1;
        ulong second = scratch.Get(ScratchUse.Workspace, 5000);
        Assert.NotEqual(first, second);
        Assert.Equal(1024 + 512 + 5120, _device.Arena.UsedBytes);
        _device.Captures = 0;
        scratch.Get(ScratchUse.Workspace, 9000);
        Assert.Equal(9216 + 512, _device.Arena.UsedBytes);
        Assert.Equal(0UL, scratch.Get(ScratchUse.Partial, 0));
    }
}
