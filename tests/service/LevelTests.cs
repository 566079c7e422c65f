using Iba.Engine.Backends.Cpu;
using Iba.Service;
using Tests.Explaining;
using Xunit;

namespace Tests.Service;

/// <summary>What runs alone: the collector's heap and the handles are those of the whole process.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>What is left of many requests.</summary>
[Collection(nameof(AloneCollection))]
public sealed class LevelTests
{
    private const int Clients = 8;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>
    /// Bytes are counted by the backend's own accounting and by the collector, not as resident memory, which depends on what the system lends. A batch holds
    /// one photo: recordings are of one batch size each, and with larger ones chance decides which there are.
    /// </summary>
    [Fact(Timeout = 5 * RunningService.Longest)]
    public async Task Memory_and_handles_are_level_and_nothing_stays_open()
    {
        const int First = 120, Further = 360;
        using var folder = new TemporaryFolder();
        var backend = new CpuBackend(threads: 1);
        var settings = new ServiceSettings { MostBytes = 100_000, Queue = 4 * Clients, Batch = 1 };
        await using RunningService service =
            await RunningService.Start(settings, NarrowExplainer.SaveStatistics(folder["statistics.safetensors"]), backend);
        byte[][] photos = [.. Enumerable.Range(0, 4).Select(seed => NarrowExplainer.Png(seed, 140, 132))];
        (_, int sockets) = Handles();
        int sent = 0;
        await Load(First);
        State before = await Settled();
        await Load(Further);
        State after = await Settled();
        Assert.Equal(before.Native, after.Native);
        // Half of the requests explain a photo of 55 kB, and each explanation holds an input of 48 kB, its pixels and a map of 16 kB: 10 MB if either stayed.
        // What may grow are the pools of the runtime and the server, which keep what the busiest moment needed: an array of each size up to 128 kB for each
        // thread, and the blocks of each connection.
        Assert.InRange(after.Managed - before.Managed, long.MinValue, 4 << 20);
        // The runtime opens a few files when it first needs them; each request opens a socket or uses one.
        Assert.InRange(after.Handles - before.Handles, int.MinValue, Further / 12);

        // Whose answer is finished is counted: none is lost, none is still open.
        async Task<State> Settled()
        {
            await service.Until("iba_requests_total", sent);
            await service.Until("iba_open", 0);
            Assert.Equal(0, service.Explainer.Waiting);
            service.HangUp();
            (int handles, int open) = Handles();
            for (int poll = 0; poll < 1200 && open > sockets; poll++)
            {
                await Task.Delay(50, Stop);
                (handles, open) = Handles();
            }
            Assert.InRange(open, 0, sockets);
            for (int i = 0; i < 2; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            // What was returned is freed before the next verb starts.
            await service.Alone(photos[0]);
            return new State(backend.Memory.UsedBytes, GC.GetTotalMemory(forceFullCollection: true), handles);
        }

        async Task Load(int requests)
        {
            int next = -1;
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
            {
                for (int i; (i = Interlocked.Increment(ref next)) < requests;)
                    await Call(i);
            }, Stop)));
            sent += requests;
        }

        async Task Call(int i)
        {
            byte[] photo = photos[i % photos.Length];
            const string PerSample = "method=per-sample:steps=1:copies=1";
            Task<HttpResponseMessage>? answer = (i % 12) switch
            {
                0 => service.Post(photo, PerSample),
                1 => service.Post(photo, "format=png"),
                2 => service.Post(photo[..100]),
                3 => service.Post(photo),
                4 => service.Post(new byte[100_001]),
                5 => service.Post(photo, "format=safetensors"),
                6 => service.Post(photo, type: "text/html"),
                7 => service.Post(photo, $"{PerSample}&target=2"),
                8 => service.Post(photo, "method=none"),
                9 => service.Post(photo, "target=1"),
                10 => service.Post(photo, "format=tiff"),
                _ => null,
            };
            if (answer is null)
            {
                // A caller that hangs up.
                (await service.SendHalf()).Dispose();
                return;
            }
            using HttpResponseMessage finished = await answer;
            await finished.Content.ReadAsByteArrayAsync(Stop);
            Assert.Equal((i % 12) switch { 2 => 422, 4 => 413, 6 => 415, 8 => 400, 10 => 406, _ => 200 }, (int)finished.StatusCode);
        }
    }

    /// <summary>What the process has open, without and with sockets apart; none where there is no list of them.</summary>
    private static (int Others, int Sockets) Handles()
    {
        string[] open = [.. Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Select(Target).OfType<string>() : []];
        int sockets = open.Count(name => name.StartsWith("socket:", StringComparison.Ordinal));
        return (open.Length - sockets, sockets);

        // The handle of the listing itself is closed by now.
        static string? Target(string handle) => new FileInfo(handle).LinkTarget;
    }

    private sealed record State(long Native, long Managed, int Handles);
}
