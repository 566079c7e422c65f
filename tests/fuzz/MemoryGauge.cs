namespace Fuzz;

/// <summary>Measures the memory of a case.</summary>
public interface IMemoryGauge
{
    /// <summary>Begins a case.</summary>
    void Start();

    /// <summary>Ends it.</summary>
    /// <returns>Bytes.</returns>
    long Stop();
}

/// <summary>All that the thread allocated, freed or not: an upper bound of managed memory, the same in every run.</summary>
public sealed class AllocatedBytes : IMemoryGauge
{
    private long _before;

    public void Start() => _before = GC.GetAllocatedBytesForCurrentThread();

    public long Stop() => GC.GetAllocatedBytesForCurrentThread() - _before;
}

/// <summary>By how much the memory of the process grew at most, native memory included; Linux only.</summary>
public sealed class ResidentPeak : IMemoryGauge
{
    private const string Control = "/proc/self/clear_refs", Status = "/proc/self/status";

    private long _before;

    public void Start()
    {
        // 5 sets the peak back to what is resident now.
        File.WriteAllText(Control, "5");
        _before = Peak();
    }

    public long Stop() => Peak() - _before;

    private static long Peak()
    {
        string line = File.ReadLines(Status).First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(6).TrimEnd("kB "), null);
    }
}
