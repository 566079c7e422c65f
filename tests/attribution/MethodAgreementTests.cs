using Iba.Engine.Backends.Cuda;
using Iba.Relevance;
using Iba.Statistics;
using Tests.Devices;
using Tests.Emulator;
using Tests.Networks;
using Xunit;
using Device = Tests.Devices.Device;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>
/// Every method on a device, compared with the CPU, on both golden networks. The difference is float32 summed in another order through up to 50 layers,
/// most of it in differences of logits; where rounding switches a ReLU or a maximum, a gradient changes by more. The distances are saved as
/// <see cref="Figures"/>.
/// </summary>
/// <param name="on">The device.</param>
/// <param name="cpu">The reference.</param>
/// <param name="allowed">Of a map's norm.</param>
public abstract class MethodAgreementTests(Device on, Cpu cpu, double allowed) : TestsOnDevice(on)
{
    [Theory, MemberData(nameof(MethodCase.EveryMethodOnEveryNetwork), MemberType = typeof(MethodCase))]
    public void Maps_are_the_processors(string method, string network)
    {
        using var expected = new MethodCase(method, network, cpu, On.IsSlow);
        using var actual = new MethodCase(method, network, On, On.IsSlow, fitted: expected);
        Result[] there = expected.Run(2, MethodCase.Ample, expected.Samples[..2]), here = actual.Run(2, MethodCase.Ample, actual.Samples[..2]);
        (float[] e, float[] a) = (Maps(there), Maps(here));
        Figures.OfTests.Add($"{method}, {network}", "maps", Precision.Float32, Distance.Euclidean(e, a), allowed);
        Close.InNorm(e, a, allowed, "maps");
        Close.InMaxNorm([.. there.SelectMany(result => result.Logits)], [.. here.SelectMany(result => result.Logits)], 1e-5, "logits");
        Assert.Equal(there.Select(result => result.Target), here.Select(result => result.Target));

        static float[] Maps(Result[] results) => [.. results.SelectMany(result => result.Heatmap.Values)];
    }

    /// <summary>
    /// Features are float32. A deviation is a difference of their sums, and a pattern a quotient of such differences, over few positions in the last
    /// layers.
    /// </summary>
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void What_methods_are_made_of_is_the_processors(string network)
    {
        using var expected = new MethodCase("pattern", network, cpu, On.IsSlow);
        using var actual = new MethodCase("pattern", network, On, On.IsSlow);
        foreach ((FeatureStatistics e, FeatureStatistics a) in Layers(expected).Zip(Layers(actual)))
        {
            Close.InMaxNorm(e.Mean, a.Mean, 1e-5, $"{e.Origin.Layer}, mean");
            Close.InMaxNorm(e.Std, a.Std, 1e-4, $"{e.Origin.Layer}, deviation");
        }
        foreach (string weight in Patterns.WeightsOf(expected.Network).Select(weight => weight.Name))
            Close.InNorm(expected.Patterns[weight], actual.Patterns[weight], 1e-2, weight);

        static IEnumerable<FeatureStatistics> Layers(MethodCase of) => of.Depths.Layers.Append(of.Statistics);
    }
}

[Collection(nameof(Gpu))]
public sealed class MethodAgreementTestsOnCuda(Gpu gpu, Cpu cpu) : MethodAgreementTests(gpu, cpu, 1e-3), IClassFixture<Cpu>;

public sealed class MethodAgreementTestsOnEmulatedCuda(Cpu cpu) : MethodAgreementTests(new EmulatedGpu(), cpu, 1e-4), IClassFixture<Cpu>;
