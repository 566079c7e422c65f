using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>The per-sample bottleneck against the reference package: statistics, ten steps with the recorded noise, capacity and heatmap.</summary>
public abstract class PerSampleGoldenTests(Device on)
{
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Statistics_are_the_references(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.per_sample.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        FeatureStatistics statistics = Estimate(narrow, golden, batch: 8);

        Close.InMaxNorm(golden.NHWC("mean"), statistics.Mean, 1e-5 * on.Widening, "mean");
        Close.InMaxNorm(golden.NHWC("std"), statistics.Std, 1e-5 * on.Widening, "std");
        Assert.Equal(golden.Shape("estimation.images")[0], statistics.Samples);
        float[] nonzero = [.. statistics.Nonzero.Select(share => share * statistics.Samples)];
        // Rounding decides whether a ReLU's input of 1e-8 is above 0: a count here and there may be off by one image.
        float[] expected = [.. golden.NHWC("nonzero", golden.Longs("nonzero")).Select(count => (float)count)];
        Assert.True(expected.Zip(nonzero, (a, b) => Math.Abs(a - b)).Max() < 1.01f, "nonzero: off by more than one image");
        Assert.True(Share(expected, nonzero, 0.01) <= 0.001 * on.Widening, "nonzero: off on more than 0.1 % of the neurons");
        IEnumerable<bool> active = golden.NHWC("active", golden.Bools("active"));
        int differing = active.Zip(statistics.Nonzero, (fires, share) => fires != share > 0.01f).Count(differs => differs);
        Assert.True(differing <= expected.Length / 1000 * on.Widening, "active");
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Ten_steps_follow_the_reference(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.per_sample.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        BottleneckSettings settings = Settings(golden);
        FeatureStatistics statistics = Given(narrow, golden);
        using var trunk = new Inference(narrow.Network.Until(golden.Metadata["layer"]), golden.ImageShape("input"));
        using var fit = new MaskFit(narrow.Network.After(golden.Metadata["layer"]), statistics, 1, settings, recordedNoise: true);
        narrow.Backend.Upload(golden.NHWC("input"), trunk.Input);
        trunk.Run();
        narrow.Backend.Copy(trunk.Output, fit.Features);
        narrow.Backend.Fill(fit.Targets, (float)golden.Scalar("target"));
        fit.Begin();

        float[] noise = golden.NHWC("noise"), alphas = golden.NHWC("alpha.after"), gradients = golden.NHWC("alpha.grad");
        int neurons = fit.Alpha.Shape.Count, perStep = settings.Copies * neurons;
        double small = ShareOfSmallGradients(gradients.AsSpan((settings.Steps - 1) * neurons, neurons));
        for (int step = 0; step < settings.Steps; step++)
        {
            narrow.Backend.Upload(noise.AsSpan(step * perStep, perStep), fit.Noise!);
            fit.Step();
            ReadOnlySpan<float> expected = alphas.AsSpan(step * neurons, neurons);
            float[] actual = narrow.Backend.Read(fit.Alpha);
            Close.InNorm(expected, actual, 1e-4 * on.Widening, $"α after step {step}");
            double limit = FarFromReference * on.Widening, far = Share(expected, actual, limit);
            Assert.True(far <= small, $"α after step {step}: {far:P3} of the neurons are off by more than {limit}, expected {small:P3} at most");
        }

        // The reference logs one array that every step overwrites, so all its rows are the last step's gradient: a difference of two nearly equal
        // terms by then, at an α that ten steps of rounding led to. Hence the wider bound.
        ReadOnlySpan<float> lastGradient = gradients.AsSpan((settings.Steps - 1) * neurons, neurons);
        Close.InNorm(lastGradient, narrow.Backend.Read(fit.AlphaGradient!), 1e-3 * on.Widening, "alpha.grad, last step");

        float[] model = narrow.Backend.Read(fit.ModelHistory), information = narrow.Backend.Read(fit.InformationHistory);
        float[] total = [.. model.Zip(information, (ce, kl) => new StepLoss(ce, kl, settings.Beta).Total)];
        EachWithin(golden.Floats("loss.model"), model, 1e-5 * on.Widening, "loss.model");
        EachWithin(golden.Floats("loss.information"), information, 1e-5 * on.Widening, "loss.information");
        EachWithin(golden.Floats("loss.total"), total, 1e-5 * on.Widening, "loss.total");

        float[] capacity = narrow.Backend.Read(fit.Capacity);
        Close.InNorm(golden.NHWC("capacity.nats"), capacity, 1e-4 * on.Widening, "capacity.nats");
        Shape features = fit.Features.Shape, image = golden.ImageShape("input");
        Heatmap heatmap = new CapacityMap(features.H, features.W, features.C, capacity).Heatmap(image.H, image.W);
        Close.InNorm(golden.Floats("saliency.bits_per_pixel"), heatmap.Values, 1e-4 * on.Widening, "saliency.bits_per_pixel");
    }

    /// <summary>When a neuron's α counts as far from the reference; α is of order 1 to 5.</summary>
    private const double FarFromReference = 1e-3;

    /// <summary>
    /// The share of neurons whose α may be far from the reference. Adam at rate 1 moves a neuron by m / √v, which does not depend on the
    /// size of its gradient g: an error δ of g moves α by about δ / |g|, and by up to 2 where it flips g's sign. So α may be far where
    /// |g| &lt; δ / <see cref="FarFromReference"/>. δ is 6e-6 of the root mean square of all gradients: 2^-24, times 32 for sums of about
    /// a thousand terms, times 3 for the ten layers between mask and loss. A neuron of gradient 0, an inactive one, does not move.
    /// </summary>
    private static double ShareOfSmallGradients(ReadOnlySpan<float> gradients)
    {
        double[] sizes = [.. gradients.ToArray().Select(g => Math.Abs((double)g))];
        double limit = 6e-6 * Math.Sqrt(sizes.Average(g => g * g)) / FarFromReference;
        return sizes.Count(g => g > 0 && g < limit) / (double)sizes.Length;
    }

    internal static BottleneckSettings Settings(GoldenFile golden) => new()
    {
        Beta = float.Parse(golden.Metadata["beta"]),
        LearningRate = float.Parse(golden.Metadata["lr"]),
        Steps = int.Parse(golden.Metadata["steps"]),
        Copies = int.Parse(golden.Metadata["copies"]),
        Sigma = double.Parse(golden.Metadata["sigma"]),
        MinimumStd = float.Parse(golden.Metadata["min_std"]),
        InitialAlpha = float.Parse(golden.Metadata["initial_alpha"]),
    };

    internal static FeatureStatistics Estimate(NarrowNetwork narrow, GoldenFile golden, int batch)
    {
        Shape image = golden.ImageShape("estimation.images");
        IEnumerable<float[]> images = golden.NHWC("estimation.images").Chunk(image.Count);
        return Estimation.Run(narrow.Network, golden.Metadata["layer"], image, images, batch);
    }

    private static FeatureStatistics Given(NarrowNetwork narrow, GoldenFile golden)
    {
        int[] chw = golden.Shape("mean");
        var origin = new FeatureOrigin(narrow.Network.Name, narrow.Network.Resolve(golden.Metadata["layer"]), new Shape(1, chw[1], chw[2], chw[0]), "");
        float[] active = [.. golden.NHWC("active", golden.Bools("active")).Select(on => on ? 1f : 0f)];
        return new FeatureStatistics(origin, golden.Shape("estimation.images")[0], golden.NHWC("mean"), golden.NHWC("std"), golden.NHWC("std"), active);
    }

    private static double Share(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        int far = 0;
        for (int i = 0; i < expected.Length; i++)
            far += Math.Abs(expected[i] - actual[i]) <= tolerance ? 0 : 1;
        return (double)far / expected.Length;
    }

    private static void EachWithin(float[] expected, float[] actual, double tolerance, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= tolerance * Math.Abs(expected[i]), $"{what}, step {i}: {actual[i]}, expected {expected[i]}");
    }
}

public sealed class PerSampleGoldenTestsOnCpu(Cpu cpu) : PerSampleGoldenTests(cpu), IClassFixture<Cpu>;

public sealed class PerSampleGoldenTestsWithWinograd(WinogradCpu cpu) : PerSampleGoldenTests(cpu), IClassFixture<WinogradCpu>;

[Collection(nameof(Gpu))]
public sealed class PerSampleGoldenTestsOnCuda(Gpu gpu) : PerSampleGoldenTests(gpu);
