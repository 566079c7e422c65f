using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Optimizers;
using Iba.Engine.Training;
using Tests.Project;
using Xunit;

namespace Tests.Training;

/// <summary>Runs while no other test does, because every thread of the process is counted.</summary>
[Collection(nameof(LastCollection))]
public sealed class TrainerAllocationTests
{
    private const int Steps = 50;

    [Theory]
    [InlineData("adam")]
    [InlineData("sgd")]
    public void A_step_allocates_nothing_once_one_has_run(string name)
    {
        using var backend = new CpuBackend(2);
        using var small = new ReferenceTraining(backend);
        using Optimizer optimizer = name == "adam"
            ? new Adam(backend, new AdamSettings(1e-4), small.Parameters)
            : new Sgd(backend, new SgdSettings(1e-4), small.Parameters);
        using var trainer = new Trainer(small.Network, optimizer, small.Images);
        float[] images = new float[small.Images.Count], targets = new float[small.Images.N];
        small.Fill(0, images, targets);
        for (int i = 0; i < Steps; i++)
            trainer.Step(images, targets);

        // The JIT's threads and the runner's may allocate meanwhile: the smallest of several trials counts, and less than the
        // smallest object per step is allowed.
        long least = long.MaxValue;
        for (int trial = 0; trial < 5; trial++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Steps; i++)
                trainer.Step(images, targets);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.True(least < 16 * Steps, $"{least / (double)Steps:F1} bytes allocated per step");
    }
}
