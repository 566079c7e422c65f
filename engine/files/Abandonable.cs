namespace Iba.Engine.Files;

/// <summary>Calls that cannot be interrupted: opening a FIFO whose other end nobody opens, writing to a pipe that nobody reads, native code.</summary>
public static class Abandonable
{
    /// <summary>Runs the call on another thread. On cancellation the caller returns at once, and the call ends by itself.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled before the call returned.</exception>
    public static T Run<T>(Func<T> call, CancellationToken cancel) where T : class
    {
        if (!cancel.CanBeCanceled)
            return call();
        Task<T> running = Task.Run(call, cancel);
        try
        {
            return running.WaitAsync(cancel).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for the result any more.
            running.ContinueWith(
                done => (done.Result as IDisposable)?.Dispose(), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }
}
