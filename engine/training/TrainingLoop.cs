using System.Diagnostics;
using Iba.Engine.Files;

namespace Iba.Engine.Training;

/// <summary>
/// The loop of every training. Batches are made ahead on another thread. The state is saved periodically, at the end, and when an exception or
/// a cancellation ends the loop between two steps, so that no finished step is lost.
/// </summary>
/// <typeparam name="B">A batch.</typeparam>
/// <typeparam name="R">The result of a step.</typeparam>
public sealed class TrainingLoop<B, R>
{
    /// <summary>Allocates a batch. A few are allocated and reused.</summary>
    public required Func<B> Allocate { get; init; }

    /// <summary>
    /// Fills the batch of a step, counted from 0. It must depend on the step alone, so that interrupted training resumes with the same batches.
    /// It is called on another thread, for one step at a time.
    /// </summary>
    public required Action<long, B> Fill { get; init; }

    /// <summary>One update. A <see cref="DivergenceException"/> must be thrown before anything was changed.</summary>
    public required Func<long, B, R> Step { get; init; }

    /// <summary>Writes the state after a number of steps, atomically.</summary>
    public required Action<long> Save { get; init; }

    /// <summary>Time between two saves: the work that is lost if the process is killed. It does not affect the result.</summary>
    public required TimeSpan SaveEvery { get; init; }

    /// <summary>Runs the steps that remain.</summary>
    /// <param name="done">Steps done earlier.</param>
    /// <param name="steps">Total steps.</param>
    /// <param name="report">Called after every step with the number of steps done and the step's result.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    public void Run(long done, long steps, Action<long, R> report, CancellationToken cancellation)
    {
        using var ahead = new BatchesAhead<B>(Allocate, Fill, done, steps);
        var sinceSave = Stopwatch.StartNew();
        // Whether parameters and optimizer are those of the same step. They are not while a step updates them.
        bool whole = true;
        try
        {
            while (done < steps)
            {
                B batch = ahead.Take(cancellation);
                whole = false;
                R result = Step(done, batch);
                done++;
                whole = true;
                ahead.Return(batch);
                report(done, result);
                if (sinceSave.Elapsed >= SaveEvery)
                {
                    Save(done);
                    sinceSave.Restart();
                }
            }
        }
        catch (Exception e) when (done > 0 && (e is DivergenceException || whole && e is not FileWriteException))
        {
            try
            {
                Save(done);
            }
            catch (FileWriteException)
            {
                // The caller needs the exception that ended training. The earlier file is still there.
            }
            throw;
        }
        Save(done);
    }
}
