using System.Diagnostics;

namespace Benchmarks;

/// <summary>
/// Seconds since it was made. One thread is timed by the processor time it got, which others on the machine hardly change;
/// several by the clock on the wall.
/// </summary>
internal readonly struct Clock(int threads)
{
    private readonly TimeSpan _processor = threads == 1 ? Environment.CpuUsage.TotalTime : default;
    private readonly long _wall = Stopwatch.GetTimestamp();

    public double Seconds => (threads == 1 ? Environment.CpuUsage.TotalTime - _processor : Stopwatch.GetElapsedTime(_wall)).TotalSeconds;
}
