namespace Iba.Cli;

/// <summary>Prints a method's notes, and passes on how much of its work is done, in images.</summary>
internal sealed class AttributionRelay(Action<double>? done = null) : IProgress<AttributionProgress>
{
    public void Report(AttributionProgress at)
    {
        if (at.Note is not null)
            Terminal.Say(at.Note);
        done?.Invoke(at.ImagesDone + (double)at.Step / at.Steps * (at.Images - at.ImagesDone));
    }
}
