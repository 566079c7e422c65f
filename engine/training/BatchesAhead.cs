using System.Collections.Concurrent;

namespace Iba.Engine.Training;

/// <summary>A batch on the host.</summary>
internal sealed record Batch(float[] Images, float[] Targets);

/// <summary>
/// Produces batches on a thread of its own, a bounded number of steps ahead of training. The buffers are reused.
/// </summary>
internal sealed class BatchesAhead : IDisposable
{
    private const int Depth = 3;

    private readonly BlockingCollection<Batch> _full = new(Depth), _empty = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _maker;

    /// <param name="batches">The source of batches.</param>
    /// <param name="first">The first step.</param>
    /// <param name="end">The step after the last.</param>
    public BatchesAhead(IBatches batches, long first, long end)
    {
        for (int i = 0; i < Depth; i++)
            _empty.Add(new Batch(new float[batches.Images.Count], new float[batches.Images.N]));
        _maker = Task.Factory.StartNew(() => Make(batches, first, end), TaskCreationOptions.LongRunning);
    }

    /// <summary>The next step's batch; return it with <see cref="Return"/>.</summary>
    public Batch Take(CancellationToken cancellation)
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

    public void Return(Batch batch) => _empty.Add(batch);

    public void Dispose()
    {
        _stop.Cancel();
        ((IAsyncResult)_maker).AsyncWaitHandle.WaitOne();
        _full.Dispose();
        _empty.Dispose();
        _stop.Dispose();
    }

    private void Make(IBatches batches, long first, long end)
    {
        try
        {
            for (long step = first; step < end; step++)
            {
                Batch batch = _empty.Take(_stop.Token);
                batches.Fill(step, batch.Images, batch.Targets);
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
