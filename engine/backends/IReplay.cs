namespace Engine.Backends;

/// <summary>
/// Verbs on fixed memory that are run again and again. Every run does the same as calling the verbs; a device that can record them does so
/// on the way and replays the recording from then on.
/// </summary>
public interface IReplay : IDisposable
{
    /// <summary>Runs the verbs once.</summary>
    void Run();
}

/// <summary>A replay on a device that gains nothing from recording.</summary>
/// <param name="verbs">What to run.</param>
internal sealed class PlainReplay(Action verbs) : IReplay
{
    public void Run() => verbs();

    public void Dispose()
    {
    }
}
