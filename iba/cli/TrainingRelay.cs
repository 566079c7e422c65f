using System.Diagnostics;

namespace Iba.Cli;

/// <summary>Moves the bar at every training step, and prints a line now and then and for the last step.</summary>
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
