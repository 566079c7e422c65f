using Iba;
using Iba.Backpropagation;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Methods;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>Random maps, occlusion at the border, noise, recipes.</summary>
public sealed class SimpleMethodTests
{
    [Fact]
    public void A_random_map_is_the_numbers_from_minus_1_to_1_in_an_order_that_follows_from_seed_and_image()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        RandomMap With(ulong seed) => new(golden.Network, golden.Image) { Seed = seed };
        float[] map = golden.Run(With(0)).Heatmap.Values, sorted = [.. map.Order()];
        for (int i = 0; i < sorted.Length; i++)
            Assert.Equal(-1 + 2.0 * i / (sorted.Length - 1), sorted[i], 1e-6);
        Assert.Equal(map.Length, map.Distinct().Count());

        Assert.Equal(map, golden.Run(With(0)).Heatmap.Values);
        Assert.NotEqual(map, golden.Run(With(1)).Heatmap.Values);
        golden.Pixels[0] += 1;
        float[] other = golden.Run(With(0)).Heatmap.Values;
        // Two independent orders of n numbers correlate with a spread of 1 / root(n).
        double correlation = map.Zip(other, (a, b) => (double)a * b).Sum() / map.Sum(a => (double)a * a);
        Assert.InRange(correlation, -5 / Math.Sqrt(map.Length), 5 / Math.Sqrt(map.Length));
    }

    [Fact]
    public void A_patch_at_the_border_is_cut_off_where_the_image_ends()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        const int Patch = 14;
        int side = golden.Image.H, corner = side / Patch * Patch;
        Assert.NotEqual(corner, side);
        Result result = golden.Run(new Occlusion(golden.Network, golden.Image, Patch) { Baseline = Baseline.Zero }, golden.Other);

        float[] pixels = [.. golden.Pixels];
        for (int y = corner; y < side; y++)
            pixels.AsSpan(3 * (y * side + corner), 3 * (side - corner)).Clear();
        using var run = new Inference(golden.Network, golden.Image);
        float drop = run.Run(golden.Pixels)[golden.Other] - run.Run(pixels)[golden.Other];
        Assert.Equal(drop, result.Heatmap.Values[^1]);
        Assert.Equal(drop, result.Heatmap.Values[corner * side + corner]);
        Assert.NotEqual(drop, result.Heatmap.Values[(corner - 1) * side + corner]);
        Assert.Equal(HeatmapUnit.LogitPerPatch, result.Heatmap.Unit);
    }

    /// <summary>Several images, in memory for one row at a time and for many.</summary>
    [Theory]
    [InlineData("resnet50-narrow")]
    [InlineData("vgg16-narrow")]
    public void Occlusion_by_windows_has_the_bits_of_whole_passes(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network);
        Sample[] samples = [golden.Sample(), golden.Sample(golden.Other) with { Pixels = [.. golden.Pixels.Reverse()] }, golden.Sample(golden.Other)];
        foreach (long memory in (long[])[1, 1 << 30])
        {
            using var whole = new Occlusion(golden.Network, golden.Image, 14) { MemoryBudget = memory, UsesWindows = false };
            using var windows = new Occlusion(golden.Network, golden.Image, 14) { MemoryBudget = memory };
            Assert.True(windows.UsesWindows);
            Result[] expected = [.. whole.Attribute(samples)], actual = [.. windows.Attribute(samples)];
            Assert.Equal(expected.Select(result => result.Heatmap.Values), actual.Select(result => result.Heatmap.Values));
            Assert.Equal(expected.Select(result => result.Logits), actual.Select(result => result.Logits));
        }
    }

    [Fact]
    public void Occlusion_by_windows_counts_its_passes_and_stops_between_them()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow");
        using var source = new CancellationTokenSource();
        using var method = new Occlusion(golden.Network, golden.Image, 14) { MemoryBudget = 1 };
        var seen = new List<AttributionProgress>();
        var told = new Told(progress =>
        {
            seen.Add(progress);
            if (progress.Step == 7)
                source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => method.Attribute([golden.Sample()], told, source.Token).ToList());
        int patches = (golden.Image.W + 13) / 14 * ((golden.Image.H + 13) / 14);
        Assert.Equal(Enumerable.Range(0, 8).Select(step => new AttributionProgress(0, 1, step, patches + 1)), seen);
    }

    [Fact]
    public void SmoothGrad_without_noise_is_the_gradient()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        Result still = golden.Run(new SmoothGrad(golden.Network, golden.Image) { Samples = 3, RelativeStd = 0 });
        Result gradient = golden.Run(new Saliency(golden.Network, golden.Image));
        Close.InMaxNorm(gradient.Colours, still.Colours, 1e-6, "mean of three equal gradients");
        Result noisy = golden.Run(new SmoothGrad(golden.Network, golden.Image) { Samples = 3 });
        Result other = golden.Run(new SmoothGrad(golden.Network, golden.Image) { Samples = 3, Seed = 1 });
        Assert.NotEqual(still.Colours, noisy.Colours);
        Assert.NotEqual(other.Colours, noisy.Colours);
    }

    [Fact]
    public void The_first_samples_of_SmoothGrad_do_not_depend_on_how_many_follow()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        float[] Sum(int samples) =>
            [.. golden.Run(new SmoothGrad(golden.Network, golden.Image) { Samples = samples }).Colours!.Select(mean => mean * samples)];
        float[] one = Sum(1), two = Sum(2), three = Sum(3);
        Assert.NotEqual(one, two);
        // The gradients of the second and third sample, by difference: all samples differ.
        Assert.NotEqual([.. two.Zip(one, (a, b) => a - b)], three.Zip(two, (a, b) => a - b).ToArray());
    }

    [Fact]
    public void Meaningless_settings_are_refused()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        (Network network, Shape image) = (golden.Network, golden.Image);
        string Refused(Func<IAttributionMethod> make) => Assert.Throws<ArgumentException>(() => golden.Run(make())).Message;
        Assert.Contains("samples is 0", Refused(() => new SmoothGrad(network, image) { Samples = 0 }));
        foreach (float std in (float[])[-1, float.NaN, float.PositiveInfinity])
            Assert.Contains("relative standard deviation is ", Refused(() => new SmoothGrad(network, image) { RelativeStd = std }));
        Assert.Contains("steps is -1", Refused(() => new IntegratedGradients(network, image) { Steps = -1 }));
        Assert.Contains("0 pixels", Refused(() => new Occlusion(network, image, 0)));
        Assert.Contains("classifier.0", Refused(() => new GradCam(network, image, "classifier.0")));
        Assert.Contains("1 numbers", Refused(() => new SmoothGrad(network, image) { RecordedNoise = new float[1] }));
    }

    /// <summary>
    /// 200 pixels of -5 and 200 of 2, so the percentiles move nothing: the sum is -600, that of the magnitudes 1400.
    /// </summary>
    [Fact]
    public void A_gradient_map_keeps_the_gradients_sign_unless_the_published_recipe_is_asked_for()
    {
        float[] gradient = [.. Enumerable.Repeat(-5f, 600), .. Enumerable.Repeat(2f, 600)];
        float[] map = Gradient.DefaultRecipe.Apply(gradient, 20, 20).Values;
        Assert.Equal((-5f / 1400, 2f / 1400), (map[0], map[^1]));
        float[] published = MapRecipe.PublishedGradient.Apply(gradient, 20, 20).Values;
        Assert.Equal((5f / 600, -2f / 600), (published[0], published[^1]));
    }

    [Fact]
    public void A_map_of_zeros_stays_zero_under_every_scaling()
    {
        foreach (Scaling scaling in Enum.GetValues<Scaling>())
            Assert.All(new MapRecipe(Colours.Mean, scaling).Apply(new float[12], 2, 2).Values, x => Assert.Equal(0, x));
    }

    [Theory]
    [InlineData(Colours.Mean, -2f / 3)]
    [InlineData(Colours.Sum, -2f)]
    [InlineData(Colours.LargestMagnitude, 4f)]
    [InlineData(Colours.SumOfMagnitudes, 6f)]
    public void Colours_become_one_number_as_named(Colours colours, float expected) =>
        Assert.Equal(expected, new MapRecipe(colours, Scaling.None).Apply([1, -4, 1, 0, 0, 0], 1, 2).Values[0], 1e-6f);

    private sealed class Told(Action<AttributionProgress> told) : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress value) => told(value);
    }
}
