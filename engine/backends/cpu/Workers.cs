using System.Runtime.ExceptionServices;

namespace Engine.Backends.Cpu;

/// <summary>
/// Threads that live as long as the backend and share out tiles: whoever is free takes the next one, the caller included.
/// After the first job of its type a run allocates nothing. One caller at a time, and no run inside a tile.
/// Results must not depend on who runs what: tiles write disjoint numbers, and no sum is split between them.
/// The threads refer to the queue alone, so workers that nobody refers to any more are finalized, which ends the threads.
/// </summary>
internal sealed class Workers : IDisposable
{
    private readonly Thread[] _threads;
    private readonly Dictionary<Type, Job> _jobs = [];
    private readonly Queue _queue = new();

    /// <param name="count">Cores to use, the caller's included.</param>
    public Workers(int count)
    {
        Count = Math.Max(count, 1);
        _threads = new Thread[Count - 1];
        for (int i = 0; i < _threads.Length; i++)
            _threads[i] = Start(_queue, i + 1);
    }

    ~Workers() => _queue.Stop();

    /// <summary>Cores in use.</summary>
    public int Count { get; }

    /// <summary>The threads beside the caller's.</summary>
    public IReadOnlyList<Thread> Threads => _threads;

    /// <summary>
    /// Runs tiles 0 to <paramref name="tiles"/> - 1 and returns when all are done. The first exception of a tile is thrown here, as itself.
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

    /// <summary>What the caller and the threads share: the job of the moment, and how it is waited for.</summary>
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

        /// <summary>Takes the job back and waits until no thread works on it.</summary>
        public void Withdraw()
        {
            // A thread that enters after this finds no job; one that entered before is waited for. Both orders are full fences.
            Interlocked.Exchange(ref _job, null);
            var wait = new SpinWait();
            while (Volatile.Read(ref _busy) > 0)
                wait.SpinOnce(sleep1Threshold: -1);
        }

        /// <summary>Lets the threads end.</summary>
        public void Stop()
        {
            _stopped = true;
            Wake();
        }

        /// <summary>A thread's whole life.</summary>
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
