using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// The per-sample bottleneck in bf16 against the same in float32, on both golden networks: activations and their gradients are bfloat16, everything else
/// is float32. Bounds follow from the format's 8 bits.
/// </summary>
public sealed class HalfWidthTests(ITestOutputHelper output)
{
    /// <summary>Half a unit in the last place, relative: 8 bits of mantissa.</summary>
    private const double Unit = 1.0 / (1 << 9);

    private const int Images = 2, Copies = 2, Steps = 3;

    /// <summary>
    /// Each line of the trunk and of the rest of the network rounds three numbers: both factors and the result. Roundings are independent, so after n
    /// lines an activation is off by root(3 n) units, in the Euclidean norm; a loss is off by at most twice what the largest logit is.
    /// A mask's gradient passes the same lines again: δ = root(6 n) units of its norm. Adam moves a neuron by about 1 a step whatever the size of its
    /// gradient g, so an error δ moves it by min(2, δ / |g|) more or less, g in units of its root mean square. With the density 0.4 of a normal g at 0 that
    /// is root(3.2 δ) in the mean square, and λ, whose slope is at most 1/4, is off by a quarter of it in the first step, and by no more than its sum over
    /// the steps after.
    /// </summary>
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Losses_maps_and_masks_are_float32s_within_the_rounding_of_8_bits(string name)
    {
        (float[][] losses, float[][] masks, float[][] maps, int lines, float largest) = Explain(name, Precision.Float32);
        (float[][] halfLosses, float[][] halfMasks, float[][] halfMaps, _, _) = Explain(name, Precision.BFloat16);
        double loss = 2 * largest * Math.Sqrt(3 * lines) * Unit, δ = Math.Sqrt(6 * lines) * Unit, mask = Steps * Math.Sqrt(3.2 * δ) / 4;
        for (int image = 0; image < Images; image++)
        {
            double off = losses[image].Zip(halfLosses[image], (e, a) => Math.Abs((double)e - a)).Max();
            double maskOff = Math.Sqrt(masks[image].Zip(halfMasks[image], (e, a) => Math.Pow((double)e - a, 2)).Average());
            output.WriteLine($"{name}, image {image}: losses off by {off:G3} ({loss:G3}), masks {maskOff:G3} ({mask:G3}), "
                + $"maps {Distance.Euclidean(maps[image], halfMaps[image]):G3}");
            Assert.True(off > 0 && off <= loss, $"losses are off by {off}, allowed {loss}");
            Assert.True(maskOff > 0 && maskOff <= mask, $"masks are off by {maskOff}, allowed {mask}");
            // Information is convex in λ and grows with it: of a norm, a map is off by about as much as its mask is of its mean, which is above 1/2.
            Close.InNorm(maps[image], halfMaps[image], 2 * mask, "maps");
        }
    }

    /// <summary>
    /// An activation that is off by ε of its norm has another sign in about 0.8 ε of its elements (twice the density 0.4 of a normal number at 0), and each
    /// of these opens or shuts a ReLU: a gradient that passes n of them is off by root(0.8 n ε), which is far more than what it is rounded by itself. A
    /// gradient of other features, or of another convolution, is off by root(2).
    /// </summary>
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void The_models_gradient_is_float32s_within_the_ReLUs_that_rounding_flips(string name)
    {
        (float[] Gradient, int Lines)[] at = [.. new[] { Precision.Float32, Precision.BFloat16 }.Select(precision =>
        {
            using var on = new EmulatedGpu(precision: precision);
            using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
            string layer = narrow.Network.Architecture!.DefaultLayer;
            Network after = narrow.Network.After(layer);
            Shape features = narrow.Network.Until(layer).Output(new Shape(1, 32, 32, 3));
            using var fit = new MaskFit(after, Statistics(narrow.Network, layer, features), Images,
                new BottleneckSettings { Copies = Copies, Steps = Steps, Beta = 0 }, inParts: true);
            on.Backend.Upload([.. Draws.Of(3, features.WithN(Images), 0, 2).Floats()], fit.Features);
            fit.Begin();
            fit.StepByVerbs();
            return (on.Backend.Read(fit.AlphaGradient!), after.Parameters.Count(parameter => parameter.Data.Shape.Rank == 4));
        })];
        double bound = Math.Sqrt(0.8 * at[0].Lines * Math.Sqrt(3 * at[0].Lines) * Unit), off = Distance.Euclidean(at[0].Gradient, at[1].Gradient);
        output.WriteLine($"{name}: off by {off:G3} ({bound:G3})");
        Assert.True(off > 0 && off <= bound, $"off by {off}, allowed {bound}");
    }

    /// <summary>The same arithmetic in fewer launches; information is summed in another order, in double, which may turn the last bit of the rounded sum.
    /// </summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void The_loop_with_fused_verbs_has_the_bits_of_the_loop_in_parts(Precision precision)
    {
        (float[] Alpha, float[] Model, float[] Information, float[] Capacity)[] fits = [.. new[] { false, true }.Select(inParts =>
        {
            using var on = new EmulatedGpu(precision: precision);
            using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow", on);
            Shape image = new(1, 32, 32, 3), features = narrow.Network.Until("layer2").Output(image);
            using var fit = new MaskFit(narrow.Network.After("layer2"), Statistics(narrow.Network, "layer2", features), Images,
                new BottleneckSettings { Copies = Copies, Steps = Steps }, inParts: inParts);
            on.Backend.Upload([.. Draws.Of(3, features.WithN(Images), 0, 2).Floats()], fit.Features);
            fit.Begin();
            for (int step = 0; step < Steps - 1; step++)
                fit.Step();
            fit.RecordLosses();
            return (on.Backend.Read(fit.Alpha), on.Backend.Read(fit.ModelHistory), on.Backend.Read(fit.InformationHistory), on.Backend.Read(fit.Capacity));
        })];
        Assert.Equal(fits[1].Model, fits[0].Model);
        Close.InMaxNorm(fits[1].Information, fits[0].Information, Math.Pow(2, -23), "information");
        Assert.Equal(fits[1].Alpha, fits[0].Alpha);
        Assert.Equal(fits[1].Capacity, fits[0].Capacity);
    }

    private static (float[][] Losses, float[][] Masks, float[][] Maps, int Lines, float Largest) Explain(string name, Precision precision)
    {
        using var on = new EmulatedGpu(precision: precision);
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        Network network = narrow.Network;
        string layer = network.Architecture!.DefaultLayer;
        var image = new Shape(1, 32, 32, 3);
        FeatureStatistics statistics = Statistics(network, layer, network.Until(layer).Output(image));
        using var bottleneck = new PerSampleBottleneck(network, statistics, image, Images, new BottleneckSettings { Copies = Copies, Steps = Steps })
        {
            KeepsMask = true,
        };
        Sample[] samples = [.. Enumerable.Range(1, Images).Select(seed => Draws.Of(seed, image, -2, 2).Floats())
            .Select((pixels, i) => new Sample([.. pixels], i) { Preprocessing = null })];
        BottleneckExplanation[] explained = [.. bottleneck.Attribute(samples).Cast<BottleneckExplanation>()];
        return ([.. explained.Select(each => each.Losses.Select(loss => loss.Model).ToArray())], [.. explained.Select(each => each.Mask!)],
            [.. explained.Select(each => each.Heatmap.Values)], network.Parameters.Count(parameter => parameter.Data.Shape.Rank == 4),
            explained.Max(each => each.Logits.Max(MathF.Abs)));
    }

    /// <summary>Every neuron is active, with mean 0.5 and deviation 1.</summary>
    private static FeatureStatistics Statistics(Network network, string layer, Shape features)
    {
        float[] All(float number) => [.. Enumerable.Repeat(number, features.Count)];
        return new FeatureStatistics(new FeatureOrigin(network.Name, network.Resolve(layer), features, ""), 2000, All(0.5f), All(1), All(1), All(1));
    }
}
