using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Iba.Cli;

/// <summary>
/// Ctrl-C, and what means the same: SIGTERM, SIGHUP and SIGQUIT. The first asks the work to stop at the next step and says so at once, from a
/// thread of its own. The next one ends the process as the signal would have: a shell calls it 130 for Ctrl-C, 143 for SIGTERM. A signal that the
/// process was started to ignore (nohup) stays ignored.
/// </summary>
internal static class Interrupt
{
    /// <summary>
    /// Within this, a second signal is the first again: timeout(1) signals a process and then its group, and at the end of a session
    /// both the shell and the kernel send SIGHUP.
    /// </summary>
    private static readonly TimeSpan Echo = TimeSpan.FromMilliseconds(250);

    private static readonly CancellationTokenSource Source = new();
    private static PosixSignalRegistration[] _signals = [];
    private static long _first;

    public static CancellationToken Token => Source.Token;

    public static void Listen() => _signals =
        [.. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT]).Select(signal => PosixSignalRegistration.Create(signal, Heard))];

    /// <summary>Asks the work to stop at the next step. Whoever waits for the token is told on another thread.</summary>
    public static void Stop() => _ = Source.CancelAsync();

    private static void Heard(PosixSignalContext signal)
    {
        long now = Stopwatch.GetTimestamp(), first = Interlocked.CompareExchange(ref _first, now, 0);
        signal.Cancel = first == 0 || Stopwatch.GetElapsedTime(first, now) < Echo;
        if (first != 0)
            return;
        Stop();
        Terminal.SayAtOnce("stopping after the current step; again to quit at once");
    }
}
