using Iba;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Paths;
using Iba.Relevance;
using Iba.Statistics;
using Tests.Emulator;
using Tests.Networks;
using Xunit;

namespace Tests.Paths;

/// <summary>The gradient paths of methods, against the methods themselves.</summary>
public sealed class PathTests
{
    /// <summary>Both record the network in parts and run the same verbs in the same order.</summary>
    [Fact]
    public void The_rule_guided_is_guided_backpropagation()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("vgg16-narrow");
        (Shape image, float[] pixels) = Image("vgg16-narrow");
        using RecordedScore score = new(narrow.Network, image, pixels);
        using var rule = RuleMap.Parse(["guided"]);
        GradientPath path = Of(score, rule);
        using var method = new GuidedBackpropagation(narrow.Network, image);
        Explanation map = method.Attribute([new Sample(pixels) { Preprocessing = null }]).Single();
        Close.InMaxNorm(map.Colours!, narrow.Backend.Read(path.RuleGradients![score.Input]), 1e-5, "guided");
        Assert.Equal(map.Target, score.Target);
        Assert.NotNull(path.Parting);
    }

    [Theory]
    [InlineData("resnet50-narrow")]
    [InlineData("vgg16-narrow")]
    public void The_relevance_that_layers_keep_is_that_of_the_ledger(string name)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        (Shape image, float[] pixels) = Image(name);
        using RecordedScore score = new(narrow.Network, image, pixels);
        using var rule = RuleMap.Parse(["lrp-alpha1-beta0"]);
        GradientPath path = Of(score, rule);
        using var lrp = Lrp.Positive(narrow.Network, image, checks: true);
        var ledger = (ConservationCheck)lrp.Attribute([new Sample(pixels) { Preprocessing = null }]).Single().Check!;
        var kept = path.Layers.Skip(1).ToDictionary(layer => layer.Name, layer => layer.RelevanceKept!.Value);
        Assert.Equal(ledger.Layers.Count, kept.Count);
        foreach (LayerRelevance layer in ledger.Layers)
            Assert.Equal(layer.Kept, kept[layer.Layer], 1e-4);
        Assert.Equal(1, path[score.Logits.Name].Rule!.Sum, 1e-6);
    }

    [Fact]
    public void A_rule_for_some_layers_leaves_the_others_to_their_derivative()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        (Shape image, float[] pixels) = Image("resnet50-narrow");
        using RecordedScore score = new(narrow.Network, image, pixels);
        using var rule = RuleMap.Parse(["layer4.*=lrp-alpha1-beta0"]);
        Assert.Empty(rule.Unused(score.Tape));
        GradientPath path = Of(score, rule);
        Assert.Equal(path["layer4.2"].Gradient, path["layer4.2"].Rule);
        Assert.NotEqual(path["layer3.5"].Gradient, path["layer3.5"].Rule);
        // Conserved within layer4, and not before it, where the plain derivative goes on.
        Assert.Equal("layer4.1", path.Parting!.Name);

        using var short_ = RuleMap.Parse(["layer4=lrp-alpha1-beta0"]);
        Gradients same = score.Tape.Backward(score.Score, short_);
        Assert.Equal(narrow.Backend.Read(path.RuleGradients![score.Input]), narrow.Backend.Read(same[score.Input]));
        using var wrong = RuleMap.Parse(["layer5.*=guided"]);
        Assert.Equal(["layer5.*"], wrong.Unused(score.Tape));
        Assert.Contains("lrp-alpha1-beta0", Assert.Throws<ArgumentException>(() => RuleMap.Parse(["guide"])).Message, StringComparison.Ordinal);
    }

    /// <summary>At the input, the sum is that of integrated gradients; at every layer the gap closes with more steps.</summary>
    [Fact]
    public void The_completeness_gap_at_the_input_is_that_of_integrated_gradients()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        (Shape image, float[] pixels) = Image("resnet50-narrow");
        using RecordedScore score = new(narrow.Network, image, pixels);
        GradientPath path = Of(score, null);
        IReadOnlyList<PathLayer> layers = score.WithCompleteness(path.Layers, Baseline.MeanColour, 20);
        using var method = new IntegratedGradients(narrow.Network, image) { Steps = 20, Checks = true };
        var check = (CompletenessCheck)method.Attribute([new Sample(pixels) { Preprocessing = null }]).Single().Check!;
        Assert.Equal(check.Gap, layers[0].CompletenessGap!.Value, 1e-3);
        // The logits are linear in themselves: no gap but rounding.
        Assert.Equal(0, layers[^1].CompletenessGap!.Value, 1e-4);
    }

    /// <summary>The tape after t updates is that of the method's step t: the same mask, and the steps before it are kept.</summary>
    [Fact]
    public void The_recorded_loop_is_the_methods_own()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        (Shape image, float[] pixels) = Image("resnet50-narrow");
        FeatureStatistics statistics = Estimation.Run(narrow.Network, "layer2", image, [pixels, [.. pixels.Select(x => -x)], [.. pixels.Select(x => x / 2)]]);
        var settings = new BottleneckSettings { Copies = 2 };
        var sample = new Sample(pixels) { Preprocessing = null };
        using var loop = new RecordedLoop(narrow.Network, statistics, image, sample, settings, step: 3);
        var path = GradientPath.Of(loop.Tape, loop.Loss, new GradientPathSettings { Layers = loop.Layers, Repeats = 1, MeasuresPeak = false });
        using var method = new PerSampleBottleneck(narrow.Network, statistics, image, settings: settings with { Steps = 4 }) { KeepsMask = true };
        var map = (BottleneckExplanation)method.Attribute([sample]).Single();
        Close.InMaxNorm(map.Mask!, narrow.Backend.Read(loop.Tape["λ"].Data), 1e-5, "λ");
        Assert.Equal(map.Losses[3].Total, path["loss"].Activation!.Sum, 1e-4 * map.Losses[3].Total);
        Assert.Equal(3, loop.Steps.Count);
        Assert.All(loop.Steps[0].Alpha, alpha => Assert.Equal(settings.InitialAlpha, alpha));
        // Adam's first step is the learning rate times the sign of the gradient.
        Assert.All(loop.Steps[0].AlphaGradient.Zip(loop.Steps[1].Alpha).Where(pair => Math.Abs(pair.First) > 1e-6f),
            pair => Assert.Equal(settings.InitialAlpha - Math.Sign(pair.First) * settings.LearningRate, pair.Second, 0.02));
        Assert.NotNull(path["α"].Gradient);
    }

    [Fact]
    public void A_recording_that_is_refused_frees_its_memory()
    {
        using var gpu = new FakeGpu(computes: true);
        using CudaBackend backend = gpu.Open(Precision.Float32);
        Network network = ResNet.ResNet50.Build(backend, new FreshParameters(backend, new NetworkWidth(16, 8, 10), seed: 1));
        var image = new Shape(1, 32, 32, 3);
        FeatureStatistics statistics = Estimation.Run(network, "layer2", image, [new float[image.Count], Enumerable.Repeat(1f, image.Count).ToArray()]);
        var sample = new Sample(new float[image.Count]) { Preprocessing = null, Target = 10 };
        nuint before = gpu.Driver.UsedBytes;
        Assert.Throws<ArgumentException>(() => new RecordedScore(network, image, sample.Pixels, target: 10));
        Assert.InRange(gpu.Driver.UsedBytes, (nuint)0, before);
        Assert.Throws<ArgumentException>(() => new RecordedLoop(network, statistics, image, sample, new BottleneckSettings { Copies = 1 }, step: 0));
        Assert.InRange(gpu.Driver.UsedBytes, (nuint)0, before);
    }

    private static GradientPath Of(RecordedScore score, BackwardRule? rule) => GradientPath.Of(
        score.Tape, score.Score, new GradientPathSettings { Layers = score.Layers, Rule = rule, Repeats = 1, MeasuresPeak = false });

    private static (Shape Image, float[] Pixels) Image(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.per_sample.safetensors");
        int[] nchw = golden.Shape("input");
        return (new Shape(1, nchw[2], nchw[3], nchw[1]), golden.NHWC("input"));
    }
}
