using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Iba.Cli;

/// <summary>
/// Ctrl-C and its equivalents SIGTERM, SIGHUP and SIGQUIT. The first signal requests a stop after the current step and says so immediately, on a
/// thread of its own. The second ends the process as the signal would have: the shell reports 130 for Ctrl-C, 143 for SIGTERM. A signal that the
/// process was started to ignore (nohup) stays ignored.
/// </summary>
internal static class Interrupt
{
    /// <summary>
    /// A signal within this time counts as the same one: timeout(1) signals a process and then its group, and at the end of a session both the shell
    /// and the kernel send SIGHUP.
    /// </summary>
    private static readonly TimeSpan Echo = TimeSpan.FromMilliseconds(250);

    private static readonly CancellationTokenSource Source = new();
    private static PosixSignalRegistration[] _signals = [];
    private static long _first;

    public static CancellationToken Token => Source.Token;

    public static void Listen() => _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Heard), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Heard),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Heard), PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Heard),
        ];

    /// <summary>Requests a stop after the current step. Callbacks of the token run on another thread.</summary>
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
