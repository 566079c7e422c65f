using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Emulator;

public sealed class CaptureTests : IDisposable
{
    private readonly FakeGpu _gpu = new(computes: true);
    private readonly CudaBackend _backend;
    private readonly Tensor _x;

    public CaptureTests()
    {
        _backend = _gpu.Open();
        _x = _backend.Allocate(new Shape(1));
    }

    public void Dispose()
    {
        _backend.Dispose();
        _gpu.Dispose();
    }

    [Fact]
    public void Every_run_computes_exactly_once()
    {
        using IReplay loop = _backend.Replay(() => _backend.Advance(_x));
        for (int run = 1; run <= 6; run++)
        {
            loop.Run();
            Assert.Equal(run, Read());
        }
    }

    [Fact]
    public void A_captured_loop_knows_how_many_launches_one_run_is()
    {
        using Capture loop = Capture(() =>
        {
            for (int i = 0; i < 3; i++)
                _backend.Advance(_x);
        });
        loop.Run();
        Assert.Equal(0, loop.Launches);
        loop.Run();
        Assert.Equal(3, loop.Launches);
    }

    [Fact]
    public void A_loop_that_the_driver_will_not_capture_runs_verb_by_verb()
    {
        using Capture loop = Capture(() => _backend.Advance(_x));
        _gpu.Driver.Fail("cuGraphInstantiateWithFlags", CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
        for (int run = 1; run <= 4; run++)
        {
            loop.Run();
            Assert.Equal(run, Read());
        }
        Assert.Contains("cuGraphInstantiate", loop.Refusal);
        Assert.False(loop.IsCaptured);
        Assert.DoesNotContain("graph", _gpu.Driver.Held);
        Assert.Single(_gpu.Driver.Calls, "cuStreamBeginCapture_v2");
    }

    [Fact]
    public void A_capture_that_breaks_in_the_middle_leaves_the_stream_usable()
    {
        int runs = 0;
        using Capture loop = Capture(() =>
        {
            _backend.Advance(_x);
            if (++runs == 2)
                throw new OperationCanceledException();
        });
        loop.Run();
        Assert.Throws<OperationCanceledException>(loop.Run);
        Assert.Equal(1, Read());
        Assert.DoesNotContain("graph", _gpu.Driver.Held);
        loop.Run();
        Assert.True(loop.IsCaptured);
        Assert.Equal(2, Read());
    }

    [Fact]
    public void A_loop_that_allocates_copies_or_waits_runs_verb_by_verb_and_the_reason_is_kept()
    {
        foreach ((Action verb, string words) in ((Action, string)[])[
            (() => _backend.Allocate(new Shape(1)), "Allocate allocates"),
            (() => _backend.Upload([1f], _x), "Upload uploads"),
            (() => _backend.Download(_x, new float[1]), "Download downloads"),
            (_backend.Synchronize, "Synchronize waits")])
        {
            _backend.Fill(_x, 0);
            using Capture loop = Capture(() =>
            {
                _backend.Advance(_x);
                verb();
                _backend.Advance(_x);
            });
            loop.Run();
            float once = Read();
            loop.Run();
            Assert.Contains(words, loop.Refusal);
            Assert.Contains("before the loop", loop.Refusal);
            Assert.False(loop.IsCaptured);
            Assert.Equal(words.StartsWith("Upload", StringComparison.Ordinal) ? once : 2 * once, Read());
        }
        Assert.DoesNotContain("graph", _gpu.Driver.Held);
    }

    [Fact]
    public void Of_a_loop_in_a_loop_only_the_inner_one_is_captured()
    {
        using Capture inner = Capture(() => _backend.Advance(_x)), outer = Capture(inner.Run);
        for (int run = 1; run <= 3; run++)
        {
            outer.Run();
            Assert.Equal(run, Read());
        }
        Assert.Contains("inside another", outer.Refusal);
        Assert.True(inner.IsCaptured);
    }

    [Fact]
    public void A_disposed_tensor_in_a_loop_is_an_error_and_no_refusal()
    {
        Tensor other = _backend.Allocate(new Shape(1));
        using Capture loop = Capture(() => _backend.Advance(other));
        loop.Run();
        other.Storage.Dispose();
        Assert.Throws<ObjectDisposedException>(loop.Run);
        Assert.Null(loop.Refusal);
        Assert.DoesNotContain("graph", _gpu.Driver.Held);
    }

    /// <summary>A graph that is not freed keeps every outgrown scratch buffer.</summary>
    [Fact]
    public void A_loop_that_is_disposed_while_it_is_captured_leaves_no_graph()
    {
        IReplay loop = null!;
        int runs = 0;
        loop = _backend.Replay(() =>
        {
            _backend.Advance(_x);
            if (++runs == 2)
                loop.Dispose();
        });
        loop.Run();
        loop.Run();
        Assert.Equal(2, Read());
        Assert.DoesNotContain("graph", _gpu.Driver.Held);
        Assert.DoesNotContain("executable", _gpu.Driver.Held);
    }

    [Fact]
    public void A_device_that_is_lost_in_a_replay_says_so()
    {
        using IReplay loop = _backend.Replay(() => _backend.Advance(_x));
        loop.Run();
        loop.Run();
        _gpu.Driver.Fail("cuGraphLaunch", CUresult.CUDA_ERROR_ILLEGAL_ADDRESS);
        Assert.Contains("last op: replay", Assert.Throws<DeviceLostException>(loop.Run).Message);
        Assert.Throws<DeviceLostException>(() => _backend.Fill(_x, 1f));
    }

    private Capture Capture(Action verbs) => (Capture)((Backend.CheckedReplay)_backend.Replay(verbs)).Inner;

    private float Read()
    {
        var number = new float[1];
        _backend.Download(_x, number);
        return number[0];
    }
}
