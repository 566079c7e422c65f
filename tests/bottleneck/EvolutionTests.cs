using Iba;
using Iba.Bottleneck;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>Runs of the per-sample bottleneck with fewer updates are parts of one with more (paper, figure 9).</summary>
public sealed class EvolutionTests(Cpu cpu) : IClassFixture<Cpu>
{
    [Fact]
    public void A_run_of_few_updates_is_the_beginning_of_one_of_many()
    {
        const string Name = "vgg16-narrow";
        GoldenFile golden = Golden.Open($"{Name}.per_sample.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(Name, cpu);
        FeatureStatistics statistics = PerSampleGoldenTests.Estimate(narrow, golden, batch: 8);
        Shape image = golden.ImageShape("input");
        var sample = new Sample(golden.NHWC("input")) { Preprocessing = null };
        BottleneckExplanation At(int updates)
        {
            using var bottleneck = new PerSampleBottleneck(narrow.Network, statistics, image, settings: Comparison.After(updates, new BottleneckSettings()));
            bottleneck.KeepsMask = true;
            return (BottleneckExplanation)bottleneck.Attribute([sample]).Single();
        }
        // Every neuron starts at sigmoid(5) = 0.99331; inactive ones are masked out. A float is exact to 6e-8.
        Assert.All(At(0).Mask!.Where(mask => mask != 0), mask => Assert.Equal(0.9933071f, mask, 1e-6f));
        BottleneckExplanation[] runs = [.. Comparison.Updates.Skip(1).Select(At)];
        foreach (BottleneckExplanation run in runs)
            Assert.Equal(runs[^1].Losses.Take(run.Losses.Count), run.Losses);
        Assert.Equal(Comparison.Updates.Skip(1), runs.Select(run => run.Losses.Count));
    }
}
