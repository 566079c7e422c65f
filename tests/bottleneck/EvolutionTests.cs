using Iba;
using Iba.Bottleneck;
using Iba.Engine.Tensors;
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
        BottleneckExplanation Fit(int updates, params IReadOnlyList<int> kept)
        {
            var settings = new BottleneckSettings
            {
                Steps = Math.Max(updates, 1),
                FinalMap = updates == 0 ? FinalMap.BeforeLastUpdate : FinalMap.AfterLastUpdate,
            };
            using var bottleneck = new PerSampleBottleneck(narrow.Network, statistics, image, settings: settings) { KeepsMask = true, KeepsAfter = kept };
            return (BottleneckExplanation)bottleneck.Attribute([sample]).Single();
        }
        IReadOnlyList<int> updates = EvolutionStep.PaperUpdates;
        BottleneckExplanation whole = Fit(updates[^1], updates);
        Assert.Equal(updates, whole.Evolution.Select(step => step.Updates));
        // Every neuron starts at sigmoid(5) = 0.99331; inactive ones are masked out. A float is exact to 6e-8.
        Assert.All(Fit(0).Mask!.Where(mask => mask != 0), mask => Assert.Equal(0.9933071f, mask, 1e-6f));
        foreach (int few in updates)
        {
            BottleneckExplanation run = Fit(few), part = whole.After(few);
            // Both enlarge the same cells: the fit in float32 on its device, with three roundings and the weights', the evolution in double.
            Close.InMaxNorm(part.Heatmap.Values, run.Heatmap.Values, 6 * Math.Pow(2, -24), "map");
            Assert.Equal((run.TotalBits, run.ProbabilityRestricted), (part.TotalBits, part.ProbabilityRestricted));
            Assert.Equal(run.Losses.Take(few), part.Losses);
        }
        Assert.Contains("only after 0, 1, 2", Assert.Throws<ArgumentException>(() => whole.After(3)).Message, StringComparison.Ordinal);
        Assert.Equal([0, 1, 2, 4, 6, 9], EvolutionStep.UpdatesOf(new BottleneckSettings()));
        Assert.Equal([0, 1, 2, 3], EvolutionStep.UpdatesOf(new BottleneckSettings { Steps = 3, FinalMap = FinalMap.AfterLastUpdate }));
    }
}
