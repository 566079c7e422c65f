using System.Runtime.CompilerServices;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Tests.Project;
using Xunit;

namespace Tests.Engine;

/// <summary>Backends and tensors that are not disposed. Runs alone, because it waits for the garbage collector.</summary>
[Collection(nameof(LastCollection))]
public sealed class ForgottenTests
{
    [Fact]
    public void The_threads_of_sixty_forgotten_backends_end()
    {
        Thread[] threads = [.. Enumerable.Range(0, 60).SelectMany(_ => Forget(new CpuBackend(3)))];
        Assert.Equal(120, threads.Length);
        Until(() => !threads.Any(thread => thread.IsAlive), "threads are alive");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static IEnumerable<Thread> Forget(CpuBackend backend)
        {
            Tensor x = backend.Allocate(new Shape(100_000)), y = backend.Allocate(x.Shape);
            backend.Add(x, x, y);
            return backend.Threads;
        }
    }

    [Fact]
    public void The_memory_of_a_forgotten_backend_is_freed_with_its_tensors()
    {
        CpuMemory memory = Forget();
        Until(() => memory.UsedBytes == 0, "bytes are not freed");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static CpuMemory Forget()
        {
            var backend = new CpuBackend(2);
            Convolve(backend);
            Assert.True(backend.Memory.UsedBytes > 0);
            return backend.Memory;
        }
    }

    [Fact]
    public void A_tensor_that_outlives_its_unreachable_backend_frees_its_memory_at_once()
    {
        (CpuMemory memory, Tensor last) = Forget();
        Until(() => memory.UsedBytes is > 0 and < 8000, "bytes are not freed but the last tensor's");
        last.Storage.Dispose();
        Assert.Equal(0, memory.UsedBytes);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static (CpuMemory, Tensor) Forget()
        {
            var backend = new CpuBackend(2);
            Convolve(backend);
            return (backend.Memory, backend.Allocate(new Shape(1000)));
        }
    }

    [Fact]
    public void A_disposed_backend_keeps_nothing_but_tensors_that_are_not_disposed()
    {
        var backend = new CpuBackend(2);
        Tensor x = backend.Allocate(new Shape(1000)), y = backend.Allocate(new Shape(1000));
        Convolve(backend);
        x.Storage.Dispose();
        CpuMemory memory = backend.Memory;
        backend.Dispose();
        Until(() => memory.UsedBytes is > 4000 and < 8000, "bytes are not freed but the last tensor's");
        y.Storage.Dispose();
        Assert.Equal(0, memory.UsedBytes);
    }

    /// <summary>A verb may use the address of memory that is disposed or collected while it runs; a replay is such a verb.</summary>
    [Fact]
    public void Nothing_is_freed_while_a_verb_runs()
    {
        using var backend = new CpuBackend(2);
        Tensor disposed = backend.Allocate(new Shape(10_000));
        var used = new List<long>();
        using IReplay replay = backend.Replay(() =>
        {
            Forget(backend);
            used.Add(backend.Memory.UsedBytes);
            disposed.Storage.Dispose();
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                backend.Fill(backend.Allocate(new Shape(1)), 1);
            }
            used.Add(backend.Memory.UsedBytes);
        });
        replay.Run();
        Assert.True(used[1] >= used[0], $"{used[0]} bytes, then {used[1]}");
        Until(
            () =>
            {
                backend.Fill(backend.Allocate(new Shape(1)), 1);
                return backend.Memory.UsedBytes < 40_000;
            },
            "bytes are not freed");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget(CpuBackend backend) => backend.Fill(backend.Allocate(new Shape(10_000)), 1);
    }

    [Fact]
    public void More_memory_than_the_machine_has_is_refused_before_it_is_touched()
    {
        using var backend = new CpuBackend(1);
        DeviceMemoryException full = Assert.Throws<DeviceMemoryException>(() =>
        {
            long most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            using var block = new CpuBlock(backend.Memory, most + 1);
        });
        Assert.Contains("MiB are needed", full.Message);
        Assert.Contains("Take fewer or smaller images", full.Message);
        backend.Fill(backend.Allocate(new Shape(10)), 1);
    }

    private static void Convolve(IBackend backend)
    {
        Tensor x = backend.Allocate(new Shape(1, 8, 8, 64)), w = backend.Allocate(new Shape(64, 3, 3, 64)), y = backend.Allocate(x.Shape);
        backend.Convolution(x, w, null, null, false, new ConvGeometry(3, 1, 1), y);
        backend.Resize(x, Corners.Aligned, y);
    }

    /// <summary>Collects garbage until a condition is true. The bound ends a test that fails.</summary>
    private static void Until(Func<bool> holds, string otherwise)
    {
        for (int turn = 0; turn < 2000; turn++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            if (holds())
                return;
            Thread.Sleep(turn < 10 ? 0 : 10);
        }
        Assert.Fail(otherwise);
    }
}
