using Tests.Devices;
using Tests.Emulator;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>Every method on both golden networks: an image's map depends neither on the other images nor on how many rows run at a time.</summary>
public abstract class EveryMethodTests(Device on) : TestsOnDevice(on)
{
    /// <summary>
    /// Relative to the norm, where another batch rounds differently: a ReLU or a maximum that rounding switches changes a gradient by
    /// more than the rounding, and a map may be divided by a signed sum.
    /// </summary>
    private const double Rounded = 1e-3;

    [Theory, MemberData(nameof(MethodCase.EveryMethodOnEveryNetwork), MemberType = typeof(MethodCase))]
    public void An_image_gets_the_same_map_alone_and_among_eight_in_any_memory(string method, string network)
    {
        using var of = new MethodCase(method, network, On, On.IsSlow);
        Result[] together = of.Run(8, MethodCase.Ample, of.Samples);
        Result[] apart = of.Run(1, MethodCase.Least, of.Samples);
        Result[] reversed = of.Run(2, MethodCase.Some, [.. of.Samples[..3].Reverse()]);

        Assert.Equal(of.Samples.Length, together.Length);
        for (int i = 0; i < together.Length; i++)
        {
            Same(together[i], apart[i], $"image {i} alone");
            if (i < reversed.Length)
                Same(together[i], reversed[^(i + 1)], $"image {i} in another order");
            Assert.Equal(of.Image.H * of.Image.W, together[i].Heatmap.Values.Length);
            Assert.All(together[i].Heatmap.Values, x => Assert.True(float.IsFinite(x)));
        }

        // Where no channel has evidence for the class, Grad-CAM's map is 0.
        int different = together.Select(result => string.Join(' ', result.Heatmap.Values)).Distinct().Count();
        Assert.InRange(different, method.EndsWith("grad-cam", StringComparison.Ordinal) ? 2 : together.Length, together.Length);
    }

    private void Same(Result expected, Result actual, string what)
    {
        On.Same(expected.Heatmap.Values, actual.Heatmap.Values, $"{what}: the map", Rounded);
        On.Same(expected.Logits, actual.Logits, $"{what}: the logits");
        Assert.Equal(expected.Target, actual.Target);
    }
}

public sealed class EveryMethodTestsOnCpu(Cpu cpu) : EveryMethodTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class EveryMethodTestsOnCuda(Gpu gpu) : EveryMethodTests(gpu);

public sealed class EveryMethodTestsOnEmulatedCuda() : EveryMethodTests(new EmulatedGpu());
