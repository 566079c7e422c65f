using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>NaN and infinities in results, files and settings; and a network with one output, which has a sigmoid instead of a softmax.</summary>
public sealed class NonFiniteTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gradient")]
    [InlineData("grad-cam")]
    [InlineData("occlusion-14")]
    [InlineData("random")]
    [InlineData("smoothgrad")]
    public void A_network_that_gives_no_number_is_named_with_the_class(string method)
    {
        using var backend = new CpuBackend(1);
        Network network = Small(backend, classes: 10);
        Tensor bias = network.Parameters.Last().Data;
        backend.Upload([0, 0, float.NaN, 0, 0, 0, 0, 0, 0, 0], bias);
        using IAttributionMethod explains = AttributionMethods.Find(method).Create(new MethodInputs(network, new Shape(1, 32, 32, 3)));
        NonFiniteException failure = Assert.Throws<NonFiniteException>(() => explains.Attribute([Grey(), Grey()]).ToList());
        Assert.Equal(0, failure.Sample);
        Assert.Contains("class 2 is NaN", failure.Reason);
        Assert.Equal([0, 1], explains.Explain([Grey(), Grey()]).Select(each => each.Failure!.Sample + each.Sample));
    }

    [Fact]
    public void An_image_that_fails_does_not_end_the_list()
    {
        using var method = new Failing();
        Outcome[] all = [.. method.Explain([Grey(0), Grey(1), Grey(2), Grey(1), Grey(3)])];
        Assert.Equal([0, 1, 2, 3, 4], all.Select(each => each.Sample));
        Assert.Equal([false, true, false, true, false], all.Select(each => each.Failure is not null));
        Assert.Equal([0f, 2f, 3f], all.Where(each => each.Explanation is not null).Select(each => each.Explanation!.Logits[0]));
    }

    /// <summary>A checked line names no image where it holds several: those of its batch are explained again one by one, and no others.</summary>
    [Fact]
    public void Where_a_check_stops_a_batch_its_images_are_explained_alone()
    {
        var sizes = new List<int>();
        NonFiniteException stopped = Assert.Throws<NonFiniteException>(() => Explain(some => some.Any(sample => sample.Pixels[0] == 3)).ToList());
        Assert.Equal(3, stopped.Sample);
        Assert.Equal([2, 2, 1, 1], sizes);
        Assert.Contains("line 7 of the tape", stopped.Reason, StringComparison.Ordinal);
        sizes.Clear();
        Assert.Equal(6, Explain(some => some.Length == 2 && some[1].Pixels[0] == 3).Count());
        Assert.Equal([2, 2, 1, 1, 2], sizes);

        IEnumerable<Result> Explain(Func<Sample[], bool> breaks) => new SampleBatches([.. Enumerable.Range(0, 6).Select(i => Grey(i))], null, default).Explain(
            new BatchCache<MemoryStream>(_ => new MemoryStream()), left => Math.Min(2, left), (_, some, _) =>
            {
                sizes.Add(some.Length);
                return breaks(some)
                    ? throw new NonFiniteLineException(new NonFiniteLine(7, "fc", "Linear", false, new NumberRange("fc", 0, 0, 1, 1), new Shape(1, 1), []))
                    : [.. some.Select(_ => new Result(new Heatmap(1, 1, [0], HeatmapUnit.Logit), 0, [0, 1]))];
            }, _ => 1);
    }

    [Fact]
    public void An_optimisation_that_diverges_says_what_to_change()
    {
        var map = new Heatmap(1, 1, [float.NaN], HeatmapUnit.BitsPerPixel);
        Result diverged = new BottleneckExplanation(map, 0, [1], double.NaN, 0, [new StepLoss(1, 2, 3), new StepLoss(float.NaN, 2, 3)]);
        string reason = Assert.Throws<NonFiniteException>(() => diverged.MustBeFinite(4)).Message;
        Assert.Contains("image 4", reason);
        Assert.Contains("the loss of step 1 is NaN. Give a smaller learning rate", reason);
    }

    [Fact]
    public void The_probability_of_a_single_output_is_its_sigmoid()
    {
        Assert.Equal(1 / (1 + Math.Exp(-2)), Classes.Probabilities([2f])[0], 1e-15);
        Assert.Equal(1 / (1 + Math.Exp(100)), Classes.Probabilities([-100f])[0], 1e-50);
        Assert.Equal(1, Classes.Probabilities([1e30f])[0]);
        Assert.Equal(("sigmoid", "softmax"), (Classes.Activation(1), Classes.Activation(2)));
    }

    [Fact]
    public void The_loss_of_a_single_output_is_minus_the_logarithm_of_its_sigmoid()
    {
        float[] z = [-200, -3, 0, 0.5f, 40];
        using var backend = new CpuBackend(1);
        Tensor logits = backend.Allocate(new Shape(5, 1)), targets = backend.Allocate(new Shape(5));
        backend.Upload(z, logits);
        using var tape = new Tape(backend);
        Value leaf = tape.Variable(logits, "z"), loss = leaf.Surprise(tape.Constant(targets, "targets"));
        Value sum = loss.Sum();
        tape.Forward();
        var losses = new float[5];
        backend.Download(loss.Data, losses);
        var slopes = new float[5];
        backend.Download(tape.Backward(sum)[leaf], slopes);
        for (int i = 0; i < z.Length; i++)
        {
            Assert.Equal(Math.Log(1 + Math.Exp(-z[i])), losses[i], 1e-6);
            // d/dz ln(1 + e⁻ᶻ) = sigmoid(z) - 1
            Assert.Equal(1 / (1 + Math.Exp(-z[i])) - 1, slopes[i], 1e-6);
        }
    }

    [Fact]
    public void A_network_with_one_output_has_a_map_and_a_probability()
    {
        using var backend = new CpuBackend(1);
        Network network = Small(backend, classes: 1);
        var image = new Shape(1, 32, 32, 3);
        float[][] photos = Draws.Images(Grey().Pixels, 4);
        FeatureStatistics statistics = Estimation.Run(network, "layer1", image, photos);
        // Without the information term the sum of the losses would be the cross-entropy alone.
        using var method = new PerSampleBottleneck(network, statistics, image, 1, new BottleneckSettings { Beta = 0, Steps = 3, Copies = 2 });
        var result = (BottleneckExplanation)method.Attribute([new Sample(photos[0]) { Preprocessing = null }]).Single();
        Assert.Equal(1 / (1 + Math.Exp(-(double)result.Logits[0])), result.Probability, 1e-12);
        Assert.InRange(result.ProbabilityRestricted, 1e-9, 1 - 1e-9);
        Assert.True(result.Losses[0].Model > 1e-6, "a softmax of one number would cost nothing");
    }

    [Theory]
    [InlineData("mean", float.NaN)]
    [InlineData("mean", -3e38f)]
    [InlineData("std", 3e38f)]
    [InlineData("std", -1f)]
    [InlineData("std", float.PositiveInfinity)]
    [InlineData("rms", -1f)]
    [InlineData("nonzero", float.NaN)]
    [InlineData("nonzero", 1.5f)]
    public void Statistics_that_no_features_have_are_refused_with_the_tensor_and_the_place(string tensor, float value)
    {
        float[] With(string name) => [.. Enumerable.Range(0, 12).Select(i => name == tensor && i == 7 ? value : 0.5f)];
        var origin = new FeatureOrigin("resnet50", "layer1.2", new Shape(1, 2, 2, 3), "");
        var statistics = new FeatureStatistics(origin, 5, With("mean"), With("std"), With("rms"), With("nonzero"));
        statistics.Save(_folder["s"]);
        string message = Assert.Throws<StatisticsException>(() => FeatureStatistics.Load(_folder["s"])).Message;
        Assert.Contains($"{_folder["s"]}: it is damaged: tensor '{tensor}' is {value} at (1, 0, 1)", message);
        Assert.Contains($"tensor '{tensor}'", Assert.Throws<StatisticsException>(() => statistics.MustFit(origin)).Message);
    }

    [Theory]
    [InlineData(0.5f, 0f)]
    [InlineData(0f, 0.5f)]
    public void A_neuron_that_was_always_0_has_neither_mean_nor_deviation(float mean, float std)
    {
        var origin = new FeatureOrigin("resnet50", "layer1.2", new Shape(1, 1, 1, 2), "");
        new FeatureStatistics(origin, 5, [1, 0], [1, 0], [1, 1e-3f], [1, 0]).MustFit(origin);
        string message = Assert.Throws<StatisticsException>(
            () => new FeatureStatistics(origin, 5, [1, mean], [1, std], [1, 1e-3f], [1, 0]).MustFit(origin)).Message;
        Assert.Contains("neuron (0, 0, 1) was 0 in every image", message);
    }

    [Fact]
    public void Statistics_of_a_layer_that_the_network_does_not_have_are_refused_by_its_name()
    {
        using var backend = new CpuBackend(1);
        float[] ones = [1, 1];
        var statistics = new FeatureStatistics(new FeatureOrigin("resnet50", "layer9", new Shape(1, 1, 1, 2), ""), 5, ones, ones, ones, ones);
        string message = Assert.Throws<StatisticsException>(
            () => new PerSampleBottleneck(Small(backend, classes: 2), statistics, new Shape(1, 32, 32, 3))).Message;
        Assert.Contains("layer 'layer9', which", message);
        Assert.Contains("iba estimate", message);
    }

    [Fact]
    public void Statistics_of_too_few_numbers_or_with_a_broken_hash_are_refused()
    {
        var origin = new FeatureOrigin("resnet50", "layer1.2", new Shape(1, 2, 2, 3), "abc");
        float[] twelve = new float[12];
        var few = new FeatureStatistics(origin, 5, new float[3], twelve, twelve, twelve);
        Assert.Contains("'mean' has 3 elements", Assert.Throws<StatisticsException>(() => few.MustFit(origin)).Message);
        new FeatureStatistics(origin, 5, twelve, twelve, twelve, twelve).Save(_folder["s"]);
        Assert.Contains("'abc' is not a SHA-256", Assert.Throws<StatisticsException>(() => FeatureStatistics.Load(_folder["s"])).Message);
    }

    [Fact]
    public void Features_that_are_no_numbers_make_no_statistics()
    {
        var estimator = new FeatureEstimator(2);
        estimator.Add([1, 2]);
        Assert.Contains("image 2 of those seen: it makes neuron 1 NaN", Assert.Throws<StatisticsException>(() => estimator.Add([1, 2, 3, float.NaN])).Message);
        Assert.Equal(1, estimator.Samples);
    }

    [Fact]
    public void Patterns_with_a_broken_hash_or_no_numbers_are_refused()
    {
        Dictionary<string, string> facts = new() { ["network"] = "vgg16", ["weights_sha256"] = "abc", ["estimator"] = "Linear", ["images"] = "2" };
        SafetensorsFile.Write(_folder["p"], [new("w", [2], new float[2])], facts);
        Assert.Contains("'abc' is not a SHA-256", Assert.Throws<PatternsException>(() => Patterns.Load(_folder["p"])).Message);
        facts["weights_sha256"] = "";
        SafetensorsFile.Write(_folder["p"], [new("w", [2], new[] { 1, float.NaN })], facts);
        Assert.Contains("tensor 'w' is NaN at 1", Assert.Throws<PatternsException>(() => Patterns.Load(_folder["p"])).Message);
    }

    public static TheoryData<string, BottleneckSettings> OutOfRange => new()
    {
        { "minimum standard deviation", new() { MinimumStd = float.PositiveInfinity } },
        { "initial alpha", new() { InitialAlpha = float.NaN } },
        { "learning rate", new() { LearningRate = 1e38f } },
        { "beta", new() { Beta = 1e38f } },
        { "active threshold", new() { ActiveThreshold = float.NaN } },
        { "spread", new() { Spread = (Spread)7 } },
    };

    [Theory, MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void A_setting_out_of_its_range_is_named(string name, BottleneckSettings settings) =>
        Assert.Contains($"{name} is ", Assert.Throws<ArgumentException>(settings.Check).Message);

    private static Network Small(CpuBackend backend, int classes) =>
        ResNet.ResNet50.Build(backend, new FreshParameters(backend, new NetworkWidth(16, 8, classes), seed: 1));

    private static Sample Grey(float level = 0.5f) => new([.. Enumerable.Range(0, 32 * 32 * 3).Select(i => level + i % 5 / 10f)]) { Preprocessing = null };

    private sealed class Failing : IAttributionMethod
    {
        public string Name => "failing";

        public IEnumerable<Result> Attribute(
            IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default) =>
            samples.Select((sample, i) => sample.Pixels[0] == 1
                ? throw new NonFiniteException(i, "for the test")
                : new Result(new Heatmap(1, 1, [0], HeatmapUnit.Relative), 0, [sample.Pixels[0]]));

        public void Dispose()
        {
        }
    }
}
