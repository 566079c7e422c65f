using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>Information computed by hand, and a network that is restricted by given masks.</summary>
public abstract class RestrictedNetworkTests(Device on)
{
    private static float InitialMask => 1 / (1 + MathF.Exp(-5));

    /// <summary>KL = ((λ r)² + (1 - λ)² - ln (1 - λ)² - 1) / 2. Near λ = 1 the rounding of λ, 3e-8, is 4.5e-6 of 1 - λ and of its logarithm.</summary>
    [Fact]
    public void Information_is_the_divergence_computed_by_hand()
    {
        using var tape = new Tape(on.Backend);
        using var tensors = new TensorScope(on.Backend);
        float initial = InitialMask;
        var shape = new Shape(1, 1, 1, 6);
        Value r = tape.Constant(tensors.Upload([0, 1, -1, 0, 1, -1], shape), "r");
        Value λ = tape.Variable(tensors.Upload([initial, initial, initial, .5f, .5f, .5f], shape), "λ");
        Value nats = r.Information(λ, tape.Constant(tensors.Upload([1, 1, 1, 1, 1, 1], shape), "active")), sum = nats.Sum();
        tape.Plan(sum, nats);
        tape.Forward();
        float[] slope = on.Backend.Read(tape.Backward(sum)[λ]), actual = on.Backend.Read(nats);
        double[] expected = [4.5067377, 5.0000673, 5.0000673, .3181472, .4431472, .4431472];
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Equal(.6393262, actual[4] / Math.Log(2), 1e-6);
        Assert.Equal(2, slope[4], 1e-5);
    }

    [Fact]
    public void Bits_are_spread_over_the_pixels_of_a_cell()
    {
        var map = new CapacityMap(2, 2, 2, [.. Enumerable.Repeat(.44314718f, 8)]);
        Assert.Equal(5.114610, map.TotalBits, 1e-6);
        Assert.All(map.Heatmap(4, 4).Values, bits => Assert.Equal(.3196631, bits, 1e-6));
    }

    /// <summary>
    /// Before the fit, an active neuron has 4.5067377 + .4933296 r² nats. Over the images that the statistics were estimated from, the mean of r² is
    /// (N - 1) / N, as the deviation has the divisor N - 1, and less where the deviation is below its lower bound.
    /// </summary>
    [Fact]
    public void Before_the_fit_five_nats_pass_each_active_neuron()
    {
        const double Still = 4.5067377, Square = .4933296;
        using var of = new ReadoutCase(on: on);
        FeatureStatistics statistics = of.Statistics.First;
        var settings = new BottleneckSettings();
        using PerSampleBottleneck method = PerSample(of, settings);
        using RestrictedNetwork network = method.Restricted(1);
        Assert.Equal(InitialMask, network.InitialMask);
        float[] mask = Uniform(network, network.InitialMask);
        using var trunk = new Inference(of.Network.Until(statistics.Origin.Layer), of.Image);
        double mean = 0;
        foreach (Sample sample in of.Samples)
        {
            float[] features = trunk.Run(sample.Pixels);
            double expected = Enumerable.Range(0, features.Length).Where(IsActive)
                .Sum(i => Still + Square * Math.Pow((features[i] - statistics.Mean[i]) / Std(i), 2));
            double nats = network.Run(sample, mask).Nats;
            Assert.Equal(expected / features.Length, nats, 2e-5 * nats);
            mean += nats / of.Samples.Length;
        }
        double share = Enumerable.Range(0, mask.Length).Count(IsActive) / (double)mask.Length, images = of.Samples.Length;
        double squares = Enumerable.Range(0, mask.Length).Where(IsActive).Sum(i => Math.Pow(statistics.Std[i] / Std(i), 2)) / mask.Length;
        Assert.Equal(Still * share + Square * squares * (images - 1) / images, mean, 1e-4);
        Assert.InRange(mean / share, Still, 5.00007);
        Assert.InRange(share, .5, 1);

        bool IsActive(int i) => statistics.Nonzero[i] > settings.ActiveThreshold;

        double Std(int i) => Math.Max(statistics.Std[i], settings.MinimumStd);
    }

    [Fact]
    public void Where_all_passes_the_output_is_the_networks_own()
    {
        using var of = new ReadoutCase(on: on);
        FeatureStatistics all = of.Statistics.First with { Nonzero = [.. Enumerable.Repeat(1f, of.Statistics.First.Nonzero.Length)] };
        using var method = new PerSampleBottleneck(of.Network, all, of.Image);
        using RestrictedNetwork network = method.Restricted(3);
        using var inference = new Inference(of.Network, of.Image);
        float[] own = inference.Run(of.Samples[0].Pixels);
        RestrictedOutput output = network.Run(of.Samples[0], Uniform(network, 1));
        Assert.Equal(3, output.Logits.Count);
        Assert.All(output.Logits, logits => Close.InMaxNorm(own, logits, 1e-5, "logits"));
        // Nothing passes: noise alone, which differs from copy to copy.
        RestrictedOutput none = network.Run(of.Samples[0], Uniform(network, 0));
        Assert.Equal(0, none.Nats, 1e-7);
        Assert.NotEqual(none.Logits[0], none.Logits[1]);
    }

    /// <summary>The same sum of the same float32 terms, one of them as bits. The readout's map has one noise sample.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_mask_that_is_kept_lets_the_maps_information_pass_and_meets_fresh_noise(bool perSample)
    {
        using var of = new ReadoutCase(on: on);
        using ReadoutNetwork readout = of.Varied();
        using IBottleneck method = perSample
            ? PerSample(of, new BottleneckSettings { Copies = 1 })
            : new ReadoutBottleneck(of.Network, readout, of.Image, batch: 2, weightsSha256: ReadoutCase.Weights);
        BottleneckExplanation[] without = Explain();
        Assert.All(without, explanation => Assert.Null(explanation.Mask));
        method.KeepsMask = true;
        BottleneckExplanation[] with = Explain();
        using RestrictedNetwork network = method.Restricted(1);
        double apart = 0;
        foreach ((Sample sample, BottleneckExplanation plain, BottleneckExplanation kept) in of.Samples.Zip(without, with))
        {
            on.Same(plain.Heatmap.Values, kept.Heatmap.Values, "map");
            RestrictedOutput output = network.Run(sample, kept.Mask);
            Assert.Equal(kept.TotalBits * Math.Log(2) / network.Features.Row, output.Nats, 1e-6 * output.Nats);
            double probability = Classes.Probabilities(output.Logits[0])[kept.Target];
            apart = Math.Max(apart, Math.Abs(probability - kept.ProbabilityRestricted));
            Assert.Equal(output.Logits[0], network.Run(sample, kept.Mask).Logits[0]);
        }
        // With the map's own noise they would be equal but for rounding.
        Assert.InRange(apart, 1e-3, 1);

        BottleneckExplanation[] Explain() => [.. method.Attribute(of.Samples).Cast<BottleneckExplanation>()];
    }

    [Fact]
    public void A_mask_of_another_size_or_range_is_refused()
    {
        using var of = new ReadoutCase(on: on);
        using PerSampleBottleneck method = PerSample(of, new BottleneckSettings());
        using RestrictedNetwork network = method.Restricted(1);
        Assert.Contains("(1, 16, 16, 32)", Assert.Throws<ArgumentException>(() => network.Run(of.Samples[0], new float[7])).Message);
        float[] mask = Uniform(network, .5f);
        foreach (float wrong in (float[])[-.1f, 1.1f, float.NaN])
        {
            mask[5] = wrong;
            Assert.StartsWith($"λ of neuron 5 is {wrong}", Assert.Throws<ArgumentException>(() => network.Run(of.Samples[0], mask)).Message);
        }
        Assert.StartsWith("copies", Assert.Throws<ArgumentException>(() => method.Restricted(0)).Message);
    }

    private static PerSampleBottleneck PerSample(ReadoutCase of, BottleneckSettings settings) =>
        new(of.Network, of.Statistics.First, of.Image, batch: 4, settings, ReadoutCase.Weights);

    private static float[] Uniform(RestrictedNetwork network, float λ) => [.. Enumerable.Repeat(λ, network.Features.Row)];
}

public sealed class RestrictedNetworkTestsOnCpu(Cpu cpu) : RestrictedNetworkTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class RestrictedNetworkTestsOnCuda(Gpu gpu) : RestrictedNetworkTests(gpu);
