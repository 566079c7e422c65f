using Iba.Bottleneck;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Networks;
using Tests.Project;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>Counts what the optimisation loop allocates. It runs alone: the count is that of the whole process, worker threads included.</summary>
[Collection(nameof(LastCollection))]
public sealed class AllocationTests
{
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Nothing_is_allocated_inside_the_optimisation_loop(string name)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        GoldenFile golden = Golden.Open($"{name}.per_sample.safetensors");
        FeatureStatistics statistics = PerSampleGoldenTests.Estimate(narrow, golden, batch: 8);
        BottleneckSettings settings = PerSampleGoldenTests.Settings(golden);
        using var fit = new MaskFit(narrow.Network.After(golden.Metadata["layer"]), statistics, images: 2, settings);
        fit.Begin();
        for (int step = 0; step < settings.Steps; step++)
            fit.Step();

        // The runtime itself allocates now and then (a method recompiled, a timer); the loop would do so at every step.
        long least = Enumerable.Range(0, 5).Min(_ =>
        {
            fit.Begin();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 0; step < settings.Steps; step++)
                fit.Step();
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        });
        Assert.Equal(0, least);
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void A_network_runs_again_without_allocating(string name)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        using var inference = new Inference(narrow.Network, new Shape(2, 96, 96, 3));
        inference.Run();
        long least = Enumerable.Range(0, 5).Min(_ =>
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            inference.Run();
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        });
        Assert.Equal(0, least);
    }
}
