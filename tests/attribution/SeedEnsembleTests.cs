using Iba;
using Iba.Bottleneck;
using Iba.Methods;
using Iba.Statistics;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>Several seeds: the mean of their maps, and their spread.</summary>
public sealed class SeedEnsembleTests
{
    [Theory]
    [InlineData("per-sample")]
    [InlineData("smoothgrad")]
    public void The_map_is_the_mean_of_single_seeds_and_its_spread_their_standard_deviation(string name)
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        MethodInputs inputs = Inputs(golden);
        MethodKind kind = AttributionMethods.Find(name);
        Result[] single = [.. new ulong[] { 7, 8, 9 }.Select(seed => golden.Run(kind.Create(inputs with { Seed = seed })))];
        Result mean = golden.Run(new SeedEnsemble(kind, inputs with { Seed = 7 }, 3));
        Assert.Equal(3, mean.Seeds!.Count);
        // Both are computed in double and rounded to float once: 2⁻²⁴ of each value.
        const double Rounding = 6e-8;
        for (int at = 0; at < mean.Heatmap.Values.Length; at++)
        {
            double[] values = [.. single.Select(each => (double)each.Heatmap.Values[at])];
            double average = values.Average();
            double deviation = Math.Sqrt(values.Sum(value => (value - average) * (value - average)) / 2);
            Assert.Equal(average, mean.Heatmap.Values[at], Rounding * Math.Abs(average) + 1e-40);
            Assert.Equal(deviation, mean.Seeds.Deviation[at], Rounding * deviation + 1e-40);
        }
        Assert.Contains(mean.Seeds.Deviation, deviation => deviation > 0);
        if (mean is not BottleneckExplanation bits)
            return;
        double[] totals = [.. single.Select(each => ((BottleneckExplanation)each).TotalBits)];
        Assert.Equal(totals.Average(), bits.TotalBits, 1e-12 * totals.Max());
        Assert.Equal(single.Average(each => ((BottleneckExplanation)each).Losses[^1].Total), bits.Losses[^1].Total, 1e-4);
        Assert.InRange(bits.Seeds!.TotalBitsDeviation!.Value, 1e-6, totals.Max() - totals.Min());
    }

    [Fact]
    public void A_batch_changes_no_byte_and_progress_ends_at_all_images()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        MethodInputs inputs = Inputs(golden);
        Sample[] samples = [.. Enumerable.Range(0, 3)
            .Select(i => new Sample([.. golden.Pixels.Select(value => value * (1 - 0.2f * i))], i) { Preprocessing = null })];
        var seen = new Log();
        float[][] Maps(int batch, Log? log = null)
        {
            using var several = new SeedEnsemble(AttributionMethods.Find(AttributionMethods.PerSample), inputs with { Batch = batch }, 2);
            return [.. several.Attribute(samples, log).Select(each => each.Heatmap.Values)];
        }
        Assert.Equal(Maps(1), Maps(2, seen));
        double[] done = [.. seen.Reports.Select(at => at.ImagesDone + (double)at.Step / at.Steps * (at.Images - at.ImagesDone))];
        Assert.Equal(done.Order(), done);
        Assert.InRange(done[^1], 2.5, 3.0);
    }

    [Fact]
    public void A_method_without_noise_is_refused_and_so_is_one_seed()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        Assert.Contains("gradient has no noise",
            Assert.Throws<ArgumentException>(() => new SeedEnsemble(AttributionMethods.Find("gradient"), Inputs(golden), 2)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeedEnsemble(AttributionMethods.Find("random"), Inputs(golden), 1));
    }

    /// <summary>The list of methods states correctly which maps depend on the seed.</summary>
    [Fact]
    public void Methods_that_depend_on_the_seed_are_marked()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        MethodInputs inputs = Inputs(golden);
        foreach (MethodKind kind in AttributionMethods.All.Where(kind => kind.Needs is MethodNeeds.Nothing or MethodNeeds.Statistics))
        {
            float[] Map(ulong seed) => golden.Run(kind.Create(inputs with { Seed = seed })).Heatmap.Values;
            Assert.Equal((kind.Name, kind.IsRandom), (kind.Name, !Map(0).AsSpan().SequenceEqual(Map(1))));
        }
    }

    private static MethodInputs Inputs(GoldenBaselines golden) => new(golden.Network, golden.Image)
    {
        Statistics = Estimation.Run(golden.Network, "layer2", golden.Image,
            Enumerable.Range(0, 4).Select(i => golden.Pixels.Select(value => value + 0.1f * i * (value > 0 ? 1 : -1)).ToArray())),
        Bottleneck = new BottleneckSettings { Steps = 8, Copies = 2 },
        NoiseSamples = 2,
    };

    private sealed class Log : IProgress<AttributionProgress>
    {
        public List<AttributionProgress> Reports { get; } = [];

        public void Report(AttributionProgress value) => Reports.Add(value);
    }
}
