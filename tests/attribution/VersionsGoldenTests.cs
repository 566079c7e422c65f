using Iba;
using Iba.Backpropagation;
using Iba.Methods;
using Tests.Devices;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>The paper's baselines that run many versions of an image, on both golden networks, against PyTorch and the published code.</summary>
public abstract class VersionsGoldenTests(Device on)
{
    /// <summary>
    /// An averaged gradient may jump where rounding flips a ReLU in one of its samples, and a signed sum that a map is divided by loses
    /// digits: this is the error that remains, relative to the norm of the whole map.
    /// </summary>
    private const double Averaged = 1e-3;

    /// <summary>A difference of two logits near 10 is off by their rounding, whatever its size: an absolute tolerance.</summary>
    private const double LogitDrop = 1e-4;

    public static TheoryData<string> Networks => NarrowNetwork.Names;

    [Theory, MemberData(nameof(Networks))]
    public void SmoothGrad_with_recorded_noise_is_PyTorchs(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        float relativeStd = float.Parse(golden.File.Param("smoothgrad_relative_std"));
        float std = relativeStd * (golden.Pixels.Max() - golden.Pixels.Min());
        Close.InMaxNorm(golden.File.Floats("smoothgrad.std"), [std], 1e-6, "smoothgrad.std");
        float[] noise = golden.File.NHWC("smoothgrad.noise");
        foreach ((string suffix, int target) in golden.Classes)
        {
            SmoothGrad With(MapRecipe recipe) => new(golden.Network, golden.Image)
            {
                Samples = int.Parse(golden.File.Param("smoothgrad_samples")),
                RelativeStd = relativeStd,
                RecordedNoise = noise,
                Recipe = recipe,
            };
            Result released = golden.Run(With(MapRecipe.Released), target);
            Close.InNorm(golden.File.NHWC($"smoothgrad.raw.{suffix}"), released.Colours, Averaged, $"smoothgrad.raw.{suffix}");
            golden.IsMap($"smoothgrad.released.{suffix}", released, Averaged);
            golden.IsMap($"smoothgrad.max.{suffix}", golden.Run(With(new MapRecipe(Colours.LargestMagnitude, Scaling.None)), target), Averaged);
            golden.IsMap($"smoothgrad.revised.{suffix}", golden.Run(With(MapRecipe.Revised), target), Averaged);
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Integrated_gradients_are_PyTorchs_with_and_without_the_input_as_factor(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        int steps = int.Parse(golden.File.Param("ig_steps"));
        Close.InMaxNorm(golden.File.Floats("baseline.mean_colour"), Baseline.MeanColour.Of(golden.Pixels), 1e-5, "baseline.mean_colour");
        foreach ((string suffix, int target) in golden.Classes)
        {
            IntegratedGradients With(MapRecipe recipe) => new(golden.Network, golden.Image) { Steps = steps, Recipe = recipe, TimesInput = false };
            Result released = golden.Run(With(MapRecipe.Released), target);
            Close.InNorm(golden.File.NHWC($"ig.raw.{suffix}"), released.Colours, Averaged, $"ig.raw.{suffix}");
            golden.IsMap($"ig.released.{suffix}", released, Averaged);
            golden.IsMap($"ig.revised.{suffix}", golden.Run(With(MapRecipe.Revised), target), Averaged);

            Result standard = golden.Run(
                new IntegratedGradients(golden.Network, golden.Image) { Steps = steps, TimesInput = true, Checks = true }, target);
            golden.IsMap($"ig.standard.sum.{suffix}", standard, Averaged);
            CompletenessCheck check = Assert.IsType<CompletenessCheck>(standard.Check);
            Assert.Equal(golden.File.Scalar($"ig.logit_difference.{suffix}"), check.LogitDifference, LogitDrop);
            Assert.Equal(standard.Heatmap.Values.Sum(x => (double)x), check.Sum, 1e-4 * Math.Abs(check.Sum));
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Occlusion_is_PyTorchs_for_both_baselines(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        foreach (int patch in golden.File.Param("occlusion_patches").Split(',').Select(int.Parse))
        {
            foreach ((string suffix, int target) in golden.Classes)
            {
                Result mean = golden.Run(new Occlusion(golden.Network, golden.Image, patch), target);
                IsOcclusion(golden, $"occlusion{patch}.mean.{suffix}", patch, mean);
            }
            IsOcclusion(golden, $"occlusion{patch}.zero.pred", patch,
                golden.Run(new Occlusion(golden.Network, golden.Image, patch) { Baseline = Baseline.Zero }, golden.Predicted));
        }
    }

    private static void IsOcclusion(GoldenBaselines golden, string field, int patch, Result result)
    {
        float[] cells = golden.File.Floats(field);
        int columns = golden.Image.W / patch;
        for (int i = 0; i < result.Heatmap.Values.Length; i++)
            Assert.Equal(cells[i / golden.Image.W / patch * columns + i % golden.Image.W / patch], result.Heatmap.Values[i], LogitDrop);
    }
}

public sealed class VersionsGoldenTestsOnCpu(Cpu cpu) : VersionsGoldenTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class VersionsGoldenTestsOnCuda(Gpu gpu) : VersionsGoldenTests(gpu);
