namespace Iba.Engine.Backends;

/// <summary>
/// Verbs on fixed memory that run repeatedly. Every run has the same effect as calling the verbs. A device that can record them does so
/// during the first runs and replays the recording afterwards.
/// </summary>
public interface IReplay : IDisposable
{
    /// <summary>Runs the verbs once.</summary>
    /// <exception cref="ObjectDisposedException">The replay, its backend or a tensor was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another thread is inside the backend, or the verbs run this replay.</exception>
    void Run();
}

/// <summary>A replay for devices that gain nothing from recording: it calls the verbs.</summary>
/// <param name="verbs">What to run.</param>
internal sealed class PlainReplay(Action verbs) : IReplay
{
    public void Run() => verbs();

    public void Dispose()
    {
    }
}
