using Iba.Engine.Backends.Cpu;
using Xunit;

namespace Tests.Engine;

/// <summary>Tapes on the CPU: no bit depends on the number of cores, and replays allocate nothing.</summary>
public sealed class TapeThreadTests
{
    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        float[][]? expected = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            using var backend = new CpuBackend(threads);
            using var network = new SmallNetwork(backend, [1, 2, 3], weightsAreVariables: true);
            float[][] numbers = TapeTests.All(network);
            expected ??= numbers;
            for (int i = 0; i < numbers.Length; i++)
                Assert.Equal(expected[i], numbers[i]);
        }
    }

    /// <summary>Over a hundred replays less than a byte each: the measurement itself may allocate.</summary>
    [Fact]
    public void Replays_allocate_nothing()
    {
        using var backend = new CpuBackend(threads: 1);
        using var network = new SmallNetwork(backend, [1, 2], weightsAreVariables: true);
        network.Tape.Plan(network.Loss);
        for (int warm = 0; warm < 40; warm++)
            network.Run();

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int replay = 0; replay < 100; replay++)
            network.Run();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 99);
    }
}
