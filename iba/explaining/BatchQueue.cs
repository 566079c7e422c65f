using Iba.Engine.Backends.Cuda;

namespace Iba.Explaining;

/// <summary>
/// Requests from any number of callers, worked off one batch at a time by each worker. A batch holds waiting requests of one key, the oldest first; nobody
/// waits for a batch to fill, and no worker takes more than its share of those that wait. No thread is blocked while a request waits, and none while there
/// is nothing to do.
/// </summary>
/// <remarks>
/// A cancelled request leaves the queue at once; one that is in work is answered at once, and its result is dropped. A batch stops when all of its requests
/// are cancelled. An exception of a batch is not blamed on all: requests that have no result yet are tried again one by one. A worker whose device is lost
/// leaves them to the other workers and takes no more; the last one goes on and says so to every caller.
/// </remarks>
/// <typeparam name="TKey">What requests of one batch share.</typeparam>
/// <typeparam name="TItem">What is worked on.</typeparam>
/// <typeparam name="TResult">What comes of it.</typeparam>
/// <param name="room">Upper bound of the requests that are being prepared, wait, or are in work. Further callers wait for room.</param>
/// <param name="most">Upper bound of the requests of a batch.</param>
/// <param name="workers">
/// Each works on a batch: the result of each item, or why it has none, in their order, as they are finished. One is never called twice at a time.
/// </param>
internal sealed class BatchQueue<TKey, TItem, TResult>(
    int room, int most, params BatchQueue<TKey, TItem, TResult>.Work[] workers) : IAsyncDisposable
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Request> _waiting = new();
    private readonly SemaphoreSlim _room = new(room, room);
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task?[] _working = new Task?[workers.Length];
    private readonly Batch?[] _batches = new Batch?[workers.Length];
    private readonly bool[] _isLost = new bool[workers.Length];
    private bool _closed;
    private int _open;

    /// <summary>Works on a batch.</summary>
    public delegate IEnumerable<(TResult? Result, Exception? Failure)> Work(TKey key, IReadOnlyList<TItem> items, CancellationToken stop);

    /// <summary>Requests that wait or are in work, and those that are being prepared.</summary>
    public int Open
    {
        get
        {
            lock (_lock)
                return _open;
        }
    }

    /// <summary>Adds a request and waits for its result.</summary>
    /// <param name="key">The key.</param>
    /// <param name="prepare">Makes the item, on a thread of the pool, once there is room.</param>
    /// <param name="cancellation">Takes the request out.</param>
    /// <exception cref="ObjectDisposedException">The queue is closed.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    public async Task<TResult> Run(TKey key, Func<CancellationToken, TItem> prepare, CancellationToken cancellation)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _open++;
        }
        try
        {
            await _room.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                TItem item = await Task.Run(() => prepare(cancellation), cancellation).ConfigureAwait(false);
                var request = new Request(key, item);
                Add(request);
                await using (cancellation.Register(() => Withdraw(request, cancellation)).ConfigureAwait(false))
                    return await request.Answer.Task.ConfigureAwait(false);
            }
            finally
            {
                _room.Release();
            }
        }
        finally
        {
            lock (_lock)
            {
                if (--_open == 0 && _closed)
                    _empty.TrySetResult();
            }
        }
    }

    /// <summary>Takes no further request, and waits until all that were taken have their answers.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] working;
        lock (_lock)
        {
            _closed = true;
            if (_open == 0)
                _empty.TrySetResult();
        }
        await _empty.Task.ConfigureAwait(false);
        lock (_lock)
            working = [.. _working.OfType<Task>()];
        await Task.WhenAll(working).ConfigureAwait(false);
    }

    private void Add(Request request)
    {
        lock (_lock)
        {
            _waiting.AddLast(request);
            Wake();
        }
    }

    /// <summary>Starts a worker that is idle, if there is one. A lost one keeps its task. Called under the lock.</summary>
    private void Wake()
    {
        int idle = Array.IndexOf(_working, null);
        if (idle >= 0)
            _working[idle] = Task.Run(() => WorkOff(idle));
    }

    private void Withdraw(Request request, CancellationToken cancellation)
    {
        CancellationTokenSource? stopped = null;
        lock (_lock)
        {
            if (!request.Answer.TrySetCanceled(cancellation))
                return;
            _waiting.Remove(request);
            if (request.Batch is { } batch && --batch.Wanted == 0)
                stopped = batch.Stop;
        }
        // Outside of the lock: what it stops may run here.
        stopped?.Cancel();
    }

    private void WorkOff(int worker)
    {
        while (Next(worker) is { } batch)
        {
            if (!Do(worker, batch, batch.Requests))
                return;
            // What a batch failed at, alone. Looked at one by one, because more may be cancelled meanwhile.
            foreach (Request left in batch.Requests.Where(request => !request.Answer.Task.IsCompleted))
            {
                if (!Do(worker, batch, [left]))
                    return;
            }
        }
    }

    /// <summary>The next batch; null if nothing waits, and then the worker ends.</summary>
    private Batch? Next(int worker)
    {
        lock (_lock)
        {
            _batches[worker] = null;
            if (_waiting.First is not { } oldest)
            {
                _working[worker] = null;
                return null;
            }
            Request[] alike = [.. _waiting.Where(request => request.Key.Equals(oldest.Value.Key))];
            // A share for each worker that has nothing left to answer, this one included.
            int free = Enumerable.Range(0, workers.Length).Count(each => !_isLost[each] && _batches[each] is not { Wanted: > 0 });
            Request[] some = alike[..Math.Min((alike.Length + free - 1) / free, most)];
            var batch = new Batch(some) { Wanted = some.Length };
            foreach (Request request in some)
            {
                _waiting.Remove(request);
                request.Batch = batch;
            }
            _batches[worker] = batch;
            return batch;
        }
    }

    /// <summary>Works on requests of a batch.</summary>
    /// <returns>False if the device is lost and others take over.</returns>
    private bool Do(int worker, Batch batch, Request[] some)
    {
        int done = 0;
        try
        {
            foreach ((TResult? result, Exception? failure) in workers[worker](some[0].Key, [.. some.Select(request => request.Item)], batch.Stop.Token))
                Answer(some[done++], result, failure);
            if (done < some.Length)
                throw new InvalidOperationException($"{done} of {some.Length} requests were answered");
        }
        catch (DeviceLostException) when (Retire(worker, batch))
        {
            return false;
        }
        catch (Exception failure)
        {
            // Those of a larger batch are tried one by one.
            if (some.Length == 1)
                Answer(some[0], default, failure);
        }
        return true;
    }

    /// <summary>Leaves what has no answer yet to the other workers; false if there are none.</summary>
    private bool Retire(int worker, Batch batch)
    {
        lock (_lock)
        {
            if (_isLost.Count(lost => lost) == workers.Length - 1)
                return false;
            _isLost[worker] = true;
            _batches[worker] = null;
            foreach (Request left in batch.Requests.Reverse().Where(request => !request.Answer.Task.IsCompleted))
            {
                left.Batch = null;
                _waiting.AddFirst(left);
            }
            Wake();
            return true;
        }
    }

    private void Answer(Request request, TResult? result, Exception? failure)
    {
        lock (_lock)
        {
            bool answered = failure is null ? request.Answer.TrySetResult(result!) : request.Answer.TrySetException(failure);
            if (answered)
                request.Batch!.Wanted--;
        }
    }

    private sealed class Request(TKey key, TItem item)
    {
        public TKey Key => key;

        public TItem Item => item;

        public TaskCompletionSource<TResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The batch that it is in; null while it waits.</summary>
        public Batch? Batch { get; set; }
    }

    private sealed class Batch(Request[] requests)
    {
        public Request[] Requests => requests;

        /// <summary>Requests without an answer.</summary>
        public int Wanted { get; set; }

        /// <summary>Never disposed: it has no timer, and the last request may be withdrawn after the batch.</summary>
        public CancellationTokenSource Stop { get; } = new();
    }
}
