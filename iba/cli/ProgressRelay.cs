using System.Diagnostics;

namespace Iba.Cli;

/// <summary>Passes on what is reported at once, where it is reported; <see cref="Progress{T}"/> would do it later and elsewhere.</summary>
internal sealed class ProgressRelay<T>(Action<T> report) : IProgress<T>
{
    public void Report(T at) => report(at);
}

/// <summary>Says what a method has to say, and passes on how many images' worth of its work is done.</summary>
internal sealed class AttributionRelay(Action<double>? done = null) : IProgress<AttributionProgress>
{
    public void Report(AttributionProgress at)
    {
        if (at.Note is not null)
            Terminal.Say(at.Note);
        done?.Invoke(at.ImagesDone + (double)at.Step / at.Steps * (at.Images - at.ImagesDone));
    }
}

/// <summary>Moves the bar at every step of a training, and says a line about a step now and then and about the last.</summary>
internal sealed class TrainingRelay<T>(IProgress<double> bar, Func<T, (long Step, long Steps)> count, Func<T, FormattableString> line) : IProgress<T>
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(20);

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public void Report(T at)
    {
        (long step, long steps) = count(at);
        bar.Report(step);
        if (_clock.Elapsed < LineEvery && step < steps)
            return;
        _clock.Restart();
        Terminal.Say($"step {step} of {steps}: {FormattableString.Invariant(line(at))}");
    }
}
