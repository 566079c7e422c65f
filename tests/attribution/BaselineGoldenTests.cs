using Iba;
using Iba.Backpropagation;
using Iba.Relevance;
using Tests.Devices;
using Tests.Emulator;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>The paper's baselines that run an image once, on both golden networks, against PyTorch and the published code.</summary>
public abstract class BaselineGoldenTests(Device on) : TestsOnDevice(on)
{
    /// <summary>float32 against float32 of another order of summation, through up to 50 layers.</summary>
    private const double Map = 1e-4;

    /// <summary>A signed sum that a map is divided by loses digits.</summary>
    private const double Divided = 1e-3;

    private static readonly MapRecipe Mean = new(Colours.Mean, Scaling.None), Largest = new(Colours.LargestMagnitude, Scaling.None);

    public static TheoryData<string> Networks => NarrowNetwork.Names;

    [Theory, MemberData(nameof(Networks))]
    public void Gradient_and_saliency_are_PyTorchs(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, On);
        foreach ((string suffix, int target) in golden.Classes)
        {
            Result mean = golden.Run(new Gradient(golden.Network, golden.Image) { Recipe = Mean }, target);
            Assert.Equal(target, mean.Target);
            Assert.Equal(golden.Predicted, mean.Predicted);
            Close.InMaxNorm(golden.Logits, mean.Logits, Map, "logits");
            Close.InMaxNorm(golden.File.NHWC($"gradient.raw.{suffix}"), mean.Colours, Map, $"gradient.raw.{suffix}");
            golden.IsMap($"gradient.mean.{suffix}", mean);
            var gradient = new Gradient(golden.Network, golden.Image) { Recipe = MapRecipe.PublishedGradient };
            golden.IsMap($"gradient.heatmap.{suffix}", golden.Run(gradient, target), Divided);
            golden.IsMap($"saliency.max.{suffix}", golden.Run(new Saliency(golden.Network, golden.Image) { Recipe = Largest }, target));
            golden.IsMap($"saliency.heatmap.{suffix}", golden.Run(new Saliency(golden.Network, golden.Image), target));
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Guided_backpropagation_is_PyTorchs(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, On);
        foreach ((string suffix, int target) in golden.Classes)
        {
            Result guided = golden.Run(new GuidedBackpropagation(golden.Network, golden.Image), target);
            Close.InMaxNorm(golden.File.NHWC($"guided.raw.{suffix}"), guided.Colours, Map, $"guided.raw.{suffix}");
            golden.IsMap($"guided.heatmap.{suffix}", guided);
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Grad_CAM_is_PyTorchs_for_the_predicted_and_for_another_class(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, On);
        string layer = golden.File.Param("gradcam_layer");
        foreach ((string suffix, int target) in golden.Classes)
        {
            var cam = Assert.IsType<ClassActivationExplanation>(
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
            golden.IsMap($"gradcam.heatmap.{suffix}", cam);

            var edges = new GuidedBackpropagation(golden.Network, golden.Image);
            Result guided = golden.Run(new GuidedGradCam(new GradCam(golden.Network, golden.Image), edges), target);
            Assert.Equal(target, guided.Target);
            golden.IsMap($"guided_gradcam.heatmap.{suffix}", guided);
        }
    }

    [Theory, MemberData(nameof(Networks))]
    public void Grad_CAM_by_default_explains_the_prediction_at_the_papers_layer_whatever_the_target(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, On);
        Result cam = golden.Run(new GradCam(golden.Network, golden.Image), golden.Other);
        Assert.Equal(golden.Predicted, cam.Target);
        golden.IsMap("gradcam.heatmap.pred", cam);
    }

    [Fact]
    public void LRP_is_the_published_codes_under_both_rules()
    {
        using GoldenBaselines golden = GoldenBaselines.OpenForLrp(On);
        Result predicted = golden.Run(Lrp.Positive(golden.Network, golden.Image));
        Assert.Equal(golden.Predicted, predicted.Target);
        Close.InMaxNorm(golden.Logits, predicted.Logits, Map, "lrp.logits");
        golden.IsMap("lrp.positive.pred", predicted);
        golden.IsMap("lrp.positive.other", golden.Run(Lrp.Positive(golden.Network, golden.Image), golden.Other));
        golden.IsMap("lrp.negative.pred", golden.Run(Lrp.Negative(golden.Network, golden.Image), golden.Predicted));
    }

    [Fact]
    public void PatternAttribution_is_the_published_codes_with_the_same_patterns()
    {
        using GoldenBaselines golden = GoldenBaselines.OpenForLrp(On);
        var patterns = new Patterns(
            new PatternOrigin(golden.Network.Name, "", SignalEstimator.TwoComponent, 1),
            Patterns.WeightsOf(golden.Network).ToDictionary(weight => weight.Name, weight => GoldenPattern(golden.File, weight.Name)));

        Result pattern = golden.Run(new PatternAttribution(golden.Network, golden.Image, patterns), golden.Other);
        Assert.Equal(golden.Predicted, pattern.Target);
        golden.IsMap("pattern.heatmap", pattern);
        Result unscaled = golden.Run(
            new PatternAttribution(golden.Network, golden.Image, patterns) { Recipe = new(Colours.SumOfMagnitudes, Scaling.None) });
        Close.InMaxNorm(golden.File.Floats("pattern.unscaled_max"), [unscaled.Heatmap.Max], Map, "pattern.unscaled_max");
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

public sealed class BaselineGoldenTestsOnEmulatedCuda() : BaselineGoldenTests(new EmulatedGpu());
