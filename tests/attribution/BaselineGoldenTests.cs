using Iba.Attribution;
using Tests.Devices;
using Tests.Networks;
using Xunit;
using Result = Iba.Attribution.Attribution;

namespace Tests.Attribution;

/// <summary>Every baseline of the paper on both golden networks, against PyTorch and the published code.</summary>
public abstract class BaselineGoldenTests(Device on)
{
    /// <summary>float32 against float32 of another order of summation, through up to 50 layers.</summary>
    private const double Map = 1e-4;

    /// <summary>
    /// An averaged gradient may jump where rounding flips a ReLU in one of its samples, and a signed sum that a map is divided by loses
    /// digits:
    /// relative to the norm of the whole map this is what is left.
    /// </summary>
    private const double Averaged = 1e-3;

    /// <summary>A difference of two logits near 10 is off by their rounding, whatever its size: an absolute tolerance.</summary>
    private const double LogitDrop = 1e-4;

    private static readonly MapRecipe Mean = new(Colours.Mean, Scaling.None), Largest = new(Colours.LargestMagnitude, Scaling.None);

    public static TheoryData<string> Networks => NarrowNetwork.Names;

    [Theory, MemberData(nameof(Networks))]
    public void Gradient_and_saliency_are_PyTorchs(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        foreach ((string suffix, int target) in golden.Classes)
        {
            Result mean = golden.Run(new Gradient(golden.Network, golden.Image) { Recipe = Mean }, target);
            Assert.Equal(target, mean.Target);
            Assert.Equal(golden.Predicted, mean.Predicted);
            Close.InMaxNorm(golden.Logits, mean.Logits, Map, "logits");
            Close.InMaxNorm(golden.File.NHWC($"gradient.raw.{suffix}"), mean.Colours, Map, $"gradient.raw.{suffix}");
            IsMap(golden, $"gradient.mean.{suffix}", mean);
            IsMap(golden, $"gradient.heatmap.{suffix}", golden.Run(new Gradient(golden.Network, golden.Image), target), Averaged);
            IsMap(golden, $"saliency.max.{suffix}", golden.Run(new Saliency(golden.Network, golden.Image) { Recipe = Largest }, target));
            IsMap(golden, $"saliency.heatmap.{suffix}", golden.Run(new Saliency(golden.Network, golden.Image), target));
        }
    }

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
            IsMap(golden, $"smoothgrad.released.{suffix}", released, Averaged);
            IsMap(golden, $"smoothgrad.max.{suffix}", golden.Run(With(Largest), target), Averaged);
            IsMap(golden, $"smoothgrad.revised.{suffix}", golden.Run(With(MapRecipe.Revised), target), Averaged);
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
            IntegratedGradients With(MapRecipe recipe) => new(golden.Network, golden.Image) { Steps = steps, Recipe = recipe };
            Result released = golden.Run(With(MapRecipe.Released), target);
            Close.InNorm(golden.File.NHWC($"ig.raw.{suffix}"), released.Colours, Averaged, $"ig.raw.{suffix}");
            IsMap(golden, $"ig.released.{suffix}", released, Averaged);
            IsMap(golden, $"ig.revised.{suffix}", golden.Run(With(MapRecipe.Revised), target), Averaged);

            Result standard = golden.Run(
                new IntegratedGradients(golden.Network, golden.Image) { Steps = steps, TimesInput = true, Checks = true }, target);
            IsMap(golden, $"ig.standard.sum.{suffix}", standard, Averaged);
            CompletenessCheck check = Assert.IsType<CompletenessCheck>(standard.Check);
            Assert.Equal(golden.File.Scalar($"ig.logit_difference.{suffix}"), check.LogitDifference, LogitDrop);
            Assert.Equal(standard.Heatmap.Values.Sum(x => (double)x), check.Sum, 1e-4 * Math.Abs(check.Sum));
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Guided_backpropagation_is_PyTorchs(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        foreach ((string suffix, int target) in golden.Classes)
        {
            Result guided = golden.Run(new GuidedBackpropagation(golden.Network, golden.Image), target);
            Close.InMaxNorm(golden.File.NHWC($"guided.raw.{suffix}"), guided.Colours, Map, $"guided.raw.{suffix}");
            IsMap(golden, $"guided.heatmap.{suffix}", guided);
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Grad_CAM_is_PyTorchs_for_the_predicted_and_for_another_class(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        string layer = golden.File.Param("gradcam_layer");
        foreach ((string suffix, int target) in golden.Classes)
        {
            var cam = Assert.IsType<ClassActivationAttribution>(
                golden.Run(new GradCam(golden.Network, golden.Image, layer) { Class = ExplainedClass.Target }, target));
            ClassActivation activation = cam.Activation;
            Assert.Equal(target, cam.Target);
            foreach ((string field, IEnumerable<double> actual) in ((string, IEnumerable<double>)[])[
                ("weights", activation.Weights), ("linear", activation.Cells), ("raw", activation.Cells.Select(cell => Math.Max(cell, 0))),
                ("upsampled", activation.Heatmap(golden.Image.H, golden.Image.W, normalised: false).Values.Select(value => (double)value))])
            {
                string name = $"gradcam.{field}.{suffix}";
                Close.InMaxNorm(golden.File.Floats(name), [.. actual.Select(value => (float)value)], Map, name);
            }
            IsMap(golden, $"gradcam.heatmap.{suffix}", cam);

            var edges = new GuidedBackpropagation(golden.Network, golden.Image);
            Result guided = golden.Run(new GuidedGradCam(new GradCam(golden.Network, golden.Image), edges), target);
            Assert.Equal(target, guided.Target);
            IsMap(golden, $"guided_gradcam.heatmap.{suffix}", guided);
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Grad_CAM_by_default_explains_the_prediction_at_the_papers_layer_whatever_the_target(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        Result cam = golden.Run(new GradCam(golden.Network, golden.Image), golden.Other);
        Assert.Equal(golden.Predicted, cam.Target);
        IsMap(golden, "gradcam.heatmap.pred", cam);
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

    [Fact]
    public void LRP_is_the_published_codes_under_both_rules()
    {
        using GoldenBaselines golden = GoldenBaselines.OpenForLrp(on);
        Result predicted = golden.Run(Lrp.Positive(golden.Network, golden.Image));
        Assert.Equal(golden.Predicted, predicted.Target);
        Close.InMaxNorm(golden.Logits, predicted.Logits, Map, "lrp.logits");
        IsMap(golden, "lrp.positive.pred", predicted);
        IsMap(golden, "lrp.positive.other", golden.Run(Lrp.Positive(golden.Network, golden.Image), golden.Other));
        IsMap(golden, "lrp.negative.pred", golden.Run(Lrp.Negative(golden.Network, golden.Image), golden.Predicted));
    }

    [Fact]
    public void PatternAttribution_is_the_published_codes_with_the_same_patterns()
    {
        using GoldenBaselines golden = GoldenBaselines.OpenForLrp(on);
        var patterns = new Patterns(
            new PatternOrigin(golden.Network.Name, "", SignalEstimator.TwoComponent, 1),
            Patterns.WeightsOf(golden.Network).ToDictionary(weight => weight.Name, weight => GoldenPattern(golden.File, weight.Name)));

        Result pattern = golden.Run(new PatternAttribution(golden.Network, golden.Image, patterns), golden.Other);
        Assert.Equal(golden.Predicted, pattern.Target);
        IsMap(golden, "pattern.heatmap", pattern);
        Result unscaled = golden.Run(
            new PatternAttribution(golden.Network, golden.Image, patterns) { Recipe = new(Colours.SumOfMagnitudes, Scaling.None) });
        Close.InMaxNorm(golden.File.Floats("pattern.unscaled_max"), [unscaled.Heatmap.Max], Map, "pattern.unscaled_max");
    }

    private static void IsMap(GoldenBaselines golden, string field, Result result, double tolerance = Map) =>
        Close.InNorm(golden.File.Floats(field), result.Heatmap.Values, tolerance, field);

    private static void IsOcclusion(GoldenBaselines golden, string field, int patch, Result result)
    {
        float[] cells = golden.File.Floats(field);
        int columns = golden.Image.W / patch;
        for (int i = 0; i < result.Heatmap.Values.Length; i++)
            Assert.Equal(cells[i / golden.Image.W / patch * columns + i % golden.Image.W / patch], result.Heatmap.Values[i], LogitDrop);
    }

    /// <summary>
    /// torchvision's O,I,H,W turned round to K,R,S,C. The first linear layer flattens C,H,W there and H,W,C here.
    /// </summary>
    private static float[] GoldenPattern(GoldenFile file, string weight)
    {
        string field = $"pattern.weights.{weight}";
        if (file.Shape(field).Length == 4)
            return file.NHWC(field);
        float[] from = file.Floats(field);
        if (weight != "classifier.0.weight")
            return from;
        (int outputs, int inputs, int side) = (file.Shape(field)[0], file.Shape(field)[1], 7);
        int channels = inputs / (side * side);
        var to = new float[from.Length];
        for (int i = 0; i < to.Length; i++)
        {
            (int k, int at) = Math.DivRem(i, inputs);
            to[i] = from[k * inputs + at % channels * side * side + at / channels];
        }
        Assert.Equal(outputs * inputs, to.Length);
        return to;
    }
}

public sealed class BaselineGoldenTestsOnCpu(Cpu cpu) : BaselineGoldenTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class BaselineGoldenTestsOnCuda(Gpu gpu) : BaselineGoldenTests(gpu);
