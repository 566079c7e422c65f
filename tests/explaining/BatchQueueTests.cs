using Iba.Engine.Backends.Cuda;
using Iba.Explaining;
using Xunit;

namespace Tests.Explaining;

/// <summary>The queue alone, with work that the test controls.</summary>
public sealed class BatchQueueTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static IEnumerable<(string?, Exception?)> Echo(string key, IReadOnlyList<int> items, CancellationToken stop) =>
        items.Select(item => ((string?)$"{key} {item}", (Exception?)null));

    [Fact]
    public async Task Every_answer_belongs_to_its_request_whatever_is_cancelled_or_fails()
    {
        const int Requests = 1000, Room = 64;
        int calls = 0, together = 0, most = 0, prepared = 0;
        using var full = new ManualResetEventSlim();
        IEnumerable<(string?, Exception?)> Work(string key, IReadOnlyList<int> items, CancellationToken stop)
        {
            Assert.Equal(1, Interlocked.Increment(ref together));
            // The others come while the first are worked on, on however few processors.
            if (calls++ == 0)
                full.Wait(CancellationToken.None);
            most = Math.Max(most, items.Count);
            // Every hundredth spoils its whole batch, every seventh has an error of its own.
            if (items.Any(item => item % 100 == 99) && items.Count > 1)
            {
                Interlocked.Decrement(ref together);
                throw new InvalidOperationException("the batch");
            }
            var results = items.Select(item => item % 100 == 99 ? (null, new InvalidOperationException($"{item} alone"))
                : item % 7 == 0 ? (null, new FormatException($"{item}")) : ((string?)$"{key} {item}", (Exception?)null)).ToArray();
            Interlocked.Decrement(ref together);
            return results;
        }
        var random = new Random(5);
        await using var queue = new BatchQueue<string, int, string>(Room, most: 8, Work);
        Task[] all = [.. Enumerable.Range(0, Requests).Select(i => Ask(i, random.Next(3), random.Next(10) == 0))];
        await Task.WhenAll(all);
        Assert.Equal(0, queue.Open);
        Assert.InRange(most, 2, 8);
        Assert.True(calls < Requests, "no batch was formed");

        async Task Ask(int i, int key, bool cancels)
        {
            using var cancel = new CancellationTokenSource();
            Task<string> asked = queue.Run($"key{key}", _ => Prepared(i), cancel.Token);
            if (cancels)
                await cancel.CancelAsync();
            try
            {
                Assert.Equal($"key{key} {i}", await asked);
                Assert.False(i % 7 == 0 || i % 100 == 99);
            }
            catch (OperationCanceledException)
            {
                Assert.True(cancels);
            }
            catch (FormatException failure)
            {
                Assert.True(i % 7 == 0);
                Assert.Equal($"{i}", failure.Message);
            }
            catch (InvalidOperationException failure)
            {
                Assert.Equal(99, i % 100);
                Assert.Equal($"{i} alone", failure.Message);
            }
        }

        int Prepared(int i)
        {
            if (Interlocked.Increment(ref prepared) == Room)
                full.Set();
            return i;
        }
    }

    [Fact]
    public async Task A_cancelled_request_in_work_is_answered_at_once_and_a_batch_of_such_stops()
    {
        var begun = new TaskCompletionSource();
        var stopped = new TaskCompletionSource();
        IEnumerable<(string?, Exception?)> Work(string key, IReadOnlyList<int> items, CancellationToken stop)
        {
            begun.SetResult();
            stop.WaitHandle.WaitOne();
            stopped.SetResult();
            stop.ThrowIfCancellationRequested();
            return [];
        }
        await using var queue = new BatchQueue<string, int, string>(4, 4, Work);
        using var cancel = new CancellationTokenSource();
        Task<string> asked = queue.Run("", _ => 1, cancel.Token);
        await begun.Task.WaitAsync(Stop);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await stopped.Task.WaitAsync(Stop);
    }

    [Fact]
    public async Task Disposing_waits_for_what_was_taken_and_refuses_the_rest()
    {
        using var may = new SemaphoreSlim(0);
        IEnumerable<(string?, Exception?)> Work(string key, IReadOnlyList<int> items, CancellationToken stop)
        {
            may.Wait(CancellationToken.None);
            return Echo(key, items, stop);
        }
        var queue = new BatchQueue<string, int, string>(room: 2, most: 1, Work);
        // Two have room, two wait for it: all four were taken.
        Task<string>[] asked = [.. Enumerable.Range(0, 4).Select(i => queue.Run("a", _ => i, Stop))];
        Task closing = queue.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => queue.Run("a", _ => 5, Stop));
        Assert.False(closing.IsCompleted);
        may.Release(4);
        Assert.Equal(["a 0", "a 1", "a 2", "a 3"], (await Task.WhenAll(asked)).Order());
        await closing;
    }

    /// <summary>Two requests wait, and each is answered only while the other is in work: neither worker took both.</summary>
    [Fact]
    public async Task Workers_share_what_waits_and_work_at_the_same_time()
    {
        using var both = new Barrier(2);
        IEnumerable<(string?, Exception?)> Work(string key, IReadOnlyList<int> items, CancellationToken stop)
        {
            both.SignalAndWait(Stop);
            return Echo(key, items, stop);
        }
        var queue = new BatchQueue<string, int, string>(room: 4, most: 4, Work, Work);
        for (int round = 0; round < 3; round++)
        {
            string[] answers = await Task.WhenAll(queue.Run("a", _ => 1, Stop), queue.Run("a", _ => 2, Stop));
            Assert.Equal(["a 1", "a 2"], answers);
        }
        await queue.DisposeAsync();
    }

    [Fact]
    public async Task A_lost_device_leaves_its_requests_to_the_others_and_the_last_one_says_so()
    {
        int asked = 0;
        bool areAllLost = false;
        IEnumerable<(string?, Exception?)> Lost(string key, IReadOnlyList<int> items, CancellationToken stop)
        {
            Interlocked.Increment(ref asked);
            throw new DeviceLostException("GPU 0", "fell off the bus", 719);
        }
        IEnumerable<(string?, Exception?)> Works(string key, IReadOnlyList<int> items, CancellationToken stop) =>
            Volatile.Read(ref areAllLost) ? throw new DeviceLostException("GPU 1", "fell off the bus", 719) : Echo(key, items, stop);

        await using var queue = new BatchQueue<string, int, string>(room: 8, most: 4, Lost, Works);
        // The first request wakes the first worker.
        Assert.Equal("a 1", await queue.Run("a", _ => 1, Stop));
        string[] answers = await Task.WhenAll(Enumerable.Range(2, 6).Select(item => queue.Run("a", _ => item, Stop)));
        Assert.Equal(Enumerable.Range(2, 6).Select(item => $"a {item}"), answers);
        Assert.Equal(1, asked);
        Volatile.Write(ref areAllLost, true);
        for (int i = 0; i < 2; i++)
            Assert.Equal("GPU 1", (await Assert.ThrowsAsync<DeviceLostException>(() => queue.Run("a", _ => 1, Stop))).Subject);
    }

    [Fact]
    public async Task A_request_that_cannot_be_prepared_fails_alone_and_gives_its_room_back()
    {
        await using var queue = new BatchQueue<string, int, string>(1, 1, Echo);
        for (int i = 0; i < 3; i++)
            await Assert.ThrowsAsync<FormatException>(() => queue.Run("a", _ => throw new FormatException(), Stop));
        Assert.Equal("a 1", await queue.Run("a", _ => 1, Stop));
    }
}
