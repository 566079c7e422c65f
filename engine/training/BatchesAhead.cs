using System.Collections.Concurrent;

namespace Iba.Engine.Training;

/// <summary>
/// Produces batches on a thread of its own, a bounded number of steps ahead of training. The batches are reused.
/// </summary>
/// <typeparam name="B">A batch.</typeparam>
internal sealed class BatchesAhead<B> : IDisposable
{
    private const int Depth = 3;

    private readonly BlockingCollection<B> _full = new(Depth), _empty = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _maker;

    /// <param name="create">Allocates a batch.</param>
    /// <param name="fill">Fills the batch of a step.</param>
    /// <param name="first">The first step.</param>
    /// <param name="end">The step after the last.</param>
    public BatchesAhead(Func<B> create, Action<long, B> fill, long first, long end)
    {
        for (int i = 0; i < Math.Min(Depth, end - first); i++)
            _empty.Add(create());
        _maker = Task.Factory.StartNew(() => Make(fill, first, end), TaskCreationOptions.LongRunning);
    }

    /// <summary>The next step's batch; return it with <see cref="Return"/>.</summary>
    public B Take(CancellationToken cancellation)
    {
        try
        {
            return _full.Take(cancellation);
        }
        catch (InvalidOperationException)
        {
            // The producer failed and closed the queue. Its exception is the reason.
            _maker.GetAwaiter().GetResult();
            throw;
        }
    }

    public void Return(B batch) => _empty.Add(batch);

    public void Dispose()
    {
        _stop.Cancel();
        ((IAsyncResult)_maker).AsyncWaitHandle.WaitOne();
        _full.Dispose();
        _empty.Dispose();
        _stop.Dispose();
    }

    private void Make(Action<long, B> fill, long first, long end)
    {
        try
        {
            for (long step = first; step < end; step++)
            {
                B batch = _empty.Take(_stop.Token);
                fill(step, batch);
                _full.Add(batch, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody waits for further batches.
        }
        finally
        {
            _full.CompleteAdding();
        }
    }
}
