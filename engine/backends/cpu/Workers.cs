using System.Runtime.ExceptionServices;

namespace Iba.Engine.Backends.Cpu;

/// <summary>
/// Threads that live as long as the backend and share tiles: each free thread takes the next one, the caller included. After the first run
/// of a type of work, a run allocates nothing. One caller at a time, and no run inside a tile. Results must not depend on which thread runs
/// a tile: tiles write disjoint elements, and no sum is split between tiles. The threads refer to the queue only, so workers without
/// references are finalized, which ends the threads.
/// </summary>
internal sealed class Workers : IDisposable
{
    private readonly Thread[] _threads;
    private readonly Dictionary<Type, Job> _jobs = [];
    private readonly Queue _queue = new();

    /// <param name="count">Number of cores to use, the caller's included.</param>
    public Workers(int count)
    {
        Count = Math.Max(count, 1);
        _threads = new Thread[Count - 1];
        for (int i = 0; i < _threads.Length; i++)
            _threads[i] = Start(_queue, i + 1);
    }

    ~Workers() => _queue.Stop();

    /// <summary>Number of cores in use.</summary>
    public int Count { get; }

    /// <summary>The worker threads, without the caller's.</summary>
    public IReadOnlyList<Thread> Threads => _threads;

    /// <summary>
    /// Runs tiles 0 to <paramref name="tiles"/> - 1 and returns when all are done. Rethrows the first exception of a tile.
    /// </summary>
    public void Run<T>(int tiles, T body) where T : struct, ITiles
    {
        if (tiles <= 1 || Count == 1)
        {
            for (int tile = 0; tile < tiles; tile++)
                body.Run(tile, 0);
            return;
        }

        if (!_jobs.TryGetValue(typeof(T), out Job? known))
            _jobs[typeof(T)] = known = new Job<T>();
        var job = (Job<T>)known;
        job.Begin(tiles, body);
        _queue.Publish(job);
        job.Work(0);
        _queue.Withdraw();
        job.End();
    }

    public void Dispose()
    {
        _queue.Stop();
        foreach (Thread thread in _threads)
            thread.Join();
        GC.SuppressFinalize(this);
    }

    private static Thread Start(Queue queue, int worker)
    {
        var thread = new Thread(() => queue.Serve(worker)) { IsBackground = true, Name = $"cpu backend {worker}" };
        thread.UnsafeStart();
        return thread;
    }

    /// <summary>State shared by the caller and the threads: the current job, and how to wait for it.</summary>
    private sealed class Queue
    {
        /// <summary>Spin budget before blocking, about 0.1 ms: longer than the gaps between the ops of a network.</summary>
        private const int Spins = 1_000;

        private readonly object _sleepLock = new();
        private Job? _job;
        private int _epoch;
        private int _busy;
        private int _asleep;
        private volatile bool _stopped;

        public void Publish(Job job)
        {
            Interlocked.Exchange(ref _job, job);
            Interlocked.Increment(ref _epoch);
            if (Volatile.Read(ref _asleep) > 0)
                Wake();
        }

        /// <summary>Removes the job and waits until no thread works on it.</summary>
        public void Withdraw()
        {
            // A thread that increments _busy after this finds no job; one that did so before is waited for. Both are full fences.
            Interlocked.Exchange(ref _job, null);
            var wait = new SpinWait();
            while (Volatile.Read(ref _busy) > 0)
                wait.SpinOnce(sleep1Threshold: -1);
        }

        /// <summary>Ends the threads.</summary>
        public void Stop()
        {
            _stopped = true;
            Wake();
        }

        /// <summary>The main loop of a thread.</summary>
        public void Serve(int worker)
        {
            int seen = 0;
            while (!_stopped)
            {
                for (int spin = 0; spin < Spins && Volatile.Read(ref _epoch) == seen && !_stopped; spin++)
                    Thread.SpinWait(10);
                if (Volatile.Read(ref _epoch) == seen)
                    Sleep(seen);
                seen = Volatile.Read(ref _epoch);

                Interlocked.Increment(ref _busy);
                Volatile.Read(ref _job)?.Work(worker);
                Interlocked.Decrement(ref _busy);
            }
        }

        private void Sleep(int seen)
        {
            lock (_sleepLock)
            {
                Interlocked.Increment(ref _asleep);
                while (Volatile.Read(ref _epoch) == seen && !_stopped)
                    Monitor.Wait(_sleepLock);
                Interlocked.Decrement(ref _asleep);
            }
        }

        private void Wake()
        {
            lock (_sleepLock)
                Monitor.PulseAll(_sleepLock);
        }
    }

    private abstract class Job
    {
        protected int Tiles;
        protected int Next;
        protected ExceptionDispatchInfo? Failure;

        public abstract void Work(int worker);
    }

    private sealed class Job<T> : Job where T : struct, ITiles
    {
        private T _body;

        public void Begin(int tiles, T body) => (Tiles, Next, Failure, _body) = (tiles, 0, null, body);

        public override void Work(int worker)
        {
            try
            {
                for (int tile; (tile = Interlocked.Increment(ref Next) - 1) < Tiles;)
                    _body.Run(tile, worker);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref Failure, ExceptionDispatchInfo.Capture(failure), null);
                Volatile.Write(ref Next, Tiles);
            }
        }

        public void End()
        {
            _body = default;
            Failure?.Throw();
        }
    }
}
