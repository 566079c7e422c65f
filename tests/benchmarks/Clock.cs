using System.Diagnostics;

namespace Benchmarks;

/// <summary>
/// Seconds since it was created. One thread is timed by its processor time, which other processes hardly change;
/// several by wall-clock time.
/// </summary>
internal readonly struct Clock(int threads)
{
    private readonly TimeSpan _processor = threads == 1 ? Environment.CpuUsage.TotalTime : default;
    private readonly long _wall = Stopwatch.GetTimestamp();

    public double Seconds => (threads == 1 ? Environment.CpuUsage.TotalTime - _processor : Stopwatch.GetElapsedTime(_wall)).TotalSeconds;
}
