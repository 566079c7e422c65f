using Iba;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;
using Iba.Statistics;
using Tests.Bottleneck;
using Tests.Devices;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Evaluation;

/// <summary>The sanity check (paper, section 4.3): maps of a network against those of its random versions.</summary>
public sealed class SanityMeasureTests(Cpu cpu) : IClassFixture<Cpu>, IDisposable
{
    private readonly Dictionary<string, NarrowNetwork> _networks = [];
    private ReadoutNetwork? _readout;

    public static TheoryData<string, string> Evaluated => new MatrixTheoryData<string, string>(
        [.. AttributionMethods.All.Where(kind => kind.Needs != MethodNeeds.Patterns).Select(kind => kind.Name)],
        [.. NarrowNetwork.Names.Select(row => row.Data)]);

    public void Dispose()
    {
        _readout?.Dispose();
        foreach (NarrowNetwork network in _networks.Values)
            network.Dispose();
    }

    [Theory]
    [MemberData(nameof(Evaluated))]
    public void An_untouched_network_gives_1_and_random_weights_less(string name, string network)
    {
        EvaluatedMethod method = Method(name, network);
        ExplainedPhoto[] photos = Explained(method, network);
        double[][] originals = [.. photos.Select(photo => Ssim.Normalised(photo.Explanation.Heatmap))];
        using var measure = new SanityMeasure();
        double[] same = measure.At(method.Inputs.Network, method, photos, originals, 1, TestContext.Current.CancellationToken);
        IReadOnlyList<Quantity>[] numbers = [.. measure.Measure(method, photos, TestContext.Current.CancellationToken)];
        int points = RandomisedNetwork.Points(method.Inputs.Network).Count;
        Assert.Equal(photos.Length, numbers.Length);
        for (int i = 0; i < photos.Length; i++)
        {
            Quantity found = Assert.Single(numbers[i]);
            Assert.Equal(("ssim", points), (found.Name, found.Values.Length));
            // A random map is drawn again. Of some 3500 windows a tenth or more are independent: the mean's deviation is about 0.3 / √350 = 0.016.
            if (name == "random")
                Assert.All([same[i], .. found.Values], value => Assert.InRange(value, -0.08, 0.08));
            else
                Assert.Equal(ShowsNothing(photos[i]) ? double.NaN : 1, same[i]);
            if (ShowsNothing(photos[i]))
            {
                Assert.All(found.Values, value => Assert.Equal(double.NaN, value));
                continue;
            }
            Assert.All(found.Values, value => Assert.InRange(value, -1, 1));
            Assert.True(found.Values[^1] < 0.9, $"{name} on {network}: {found.Values[^1]} when all layers are random");
        }
        // Grad-CAM's map of a 2 x 2 layer may be 0 everywhere.
        Assert.Contains(photos, photo => !ShowsNothing(photo));

        static bool ShowsNothing(ExplainedPhoto photo) => photo.Explanation.Heatmap.Values.Distinct().Count() == 1;
    }

    /// <summary>Each point of the record is the map of the network whose layers down to it are random, whatever the other photos.</summary>
    [Fact]
    public void The_record_follows_the_cascade()
    {
        EvaluatedMethod method = Method("gradient", "resnet50-narrow");
        ExplainedPhoto[] photos = Explained(method, "resnet50-narrow");
        using var measure = new SanityMeasure(seed: 9);
        double[][] all = [.. measure.Measure(method, photos, TestContext.Current.CancellationToken).Select(numbers => numbers[0].Values)];
        double[][] single = [.. measure.Measure(method, photos[1..2], TestContext.Current.CancellationToken).Select(numbers => numbers[0].Values)];
        Assert.Equal(all[1], single[0]);
        Network trained = method.Inputs.Network;
        string[] points = [.. RandomisedNetwork.Points(trained)];
        using var random = new RandomisedNetwork(trained, seed: 9);
        foreach (int at in (int[])[0, 5, points.Length - 1])
        {
            using IAttributionMethod gradient = (method with { Inputs = method.Inputs with { Network = random.From(points[at]) } }).Create();
            // The class stays the one that was explained, whatever the random network predicts.
            Sample sample = photos[0].Photo.Sample with { Target = photos[0].Explanation.Target };
            Heatmap map = gradient.Attribute([sample]).Single().Heatmap;
            Assert.Equal(Ssim.Of(Ssim.Normalised(photos[0].Explanation.Heatmap), Ssim.Normalised(map), map.Width), all[0][at]);
        }
        using var otherSeed = new SanityMeasure(seed: 10);
        Assert.NotEqual(all[0], otherSeed.Measure(method, photos, TestContext.Current.CancellationToken).First()[0].Values);
        using var wide = new SanityMeasure(seed: 9, range: 2);
        Assert.Equal(new Dictionary<string, string> { ["seed"] = "9", ["ssim-range"] = "2" }, wide.Settings);
        Assert.NotEqual(all[0], wide.Measure(method, photos, TestContext.Current.CancellationToken).First()[0].Values);
    }

    /// <summary>The statistics are the random network's from the point on at which the bottleneck's layer is random, and estimated once.</summary>
    [Fact]
    public void Statistics_are_estimated_again_where_the_layer_is_random()
    {
        using var folder = new TemporaryFolder();
        EvaluatedMethod method = Method("per-sample", "resnet50-narrow");
        ExplainedPhoto[] photos = Explained(method, "resnet50-narrow");
        var random = new Random(8);
        foreach (int i in Enumerable.Range(0, 3))
        {
            var pixels = new byte[80 * 80 * 3];
            random.NextBytes(pixels);
            folder.With($"{i}.png", PngFile.Encode(pixels, 80, 80));
        }
        Network trained = method.Inputs.Network;
        var classifier = new Classifier(trained) { Preprocessing = new Preprocessing { Resize = 73, Crop = 64 } };
        var again = new Restimation(classifier, new PhotoSet(folder[""]));
        using SanityMeasure kept = new(), measure = new(restimation: again);
        double[] before = kept.Measure(method, photos, TestContext.Current.CancellationToken).First()[0].Values;
        double[] after = measure.Measure(method, photos, TestContext.Current.CancellationToken).First()[0].Values;
        string[] points = [.. RandomisedNetwork.Points(trained)];
        int first = Array.IndexOf(points, trained.Resolve(method.Inputs.Statistics!.Origin.Layer));
        Assert.Equal(before[..first], after[..first]);
        Assert.All(Enumerable.Range(first, points.Length - first), point => Assert.NotEqual(before[point], after[point]));
        Assert.Equal(again.Id, measure.Settings["restimate"]);
        Assert.DoesNotContain("restimate", kept.Settings.Keys);
        // Kept from the first measurement: the photos are not read again.
        foreach (string file in Directory.GetFiles(folder[""]))
            File.Delete(file);
        Assert.Equal(after, measure.Measure(method, photos, TestContext.Current.CancellationToken).First()[0].Values);
    }

    [Fact]
    public void Of_both_signs_the_more_similar_counts_for_relevance_alone()
    {
        var random = new Random(4);
        var map = new Heatmap(12, 12, [.. Enumerable.Range(0, 144).Select(_ => random.NextSingle() - 0.5f)], HeatmapUnit.Relative);
        Heatmap negative = map with { Values = [.. map.Values.Select(value => -value)] };
        double[] original = Ssim.Normalised(map);
        // The percentiles of -h are those of h with the other sign, up to the rounding of their interpolation.
        Assert.Equal(1, SanityMeasure.Compare(original, negative, eitherSign: true), 1e-9);
        Assert.Equal(1, SanityMeasure.Compare(original, map, eitherSign: true));
        Assert.InRange(SanityMeasure.Compare(original, negative, eitherSign: false), -1, -0.5);
    }

    [Fact]
    public void PatternAttribution_is_left_out_and_says_why()
    {
        using var measure = new SanityMeasure();
        EvaluatedMethod pattern = Method("gradient", "vgg16-narrow") with { Kind = AttributionMethods.Find("pattern") };
        Assert.Contains("patterns are those of the trained weights", measure.LeftOut(pattern));
        Assert.Null(measure.LeftOut(Method("gradient", "vgg16-narrow")));
    }

    [Fact]
    public void Memory_is_given_back_after_the_photos_and_when_it_stops()
    {
        // A processor of its own, so that nothing else returns memory meanwhile.
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        EvaluatedMethod method = Method("gradient", "resnet50-narrow", narrow.Network);
        ExplainedPhoto[] photos = Explained(method, "resnet50-narrow");
        using var measure = new SanityMeasure();
        CpuMemory memory = ((CpuBackend)narrow.Backend).Memory;
        Assert.Single(measure.Measure(method, photos[..1], TestContext.Current.CancellationToken));
        long before = Used();
        Assert.Single(measure.Measure(method, photos[..1], TestContext.Current.CancellationToken));
        Assert.Equal(before, Used());
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => measure.Measure(method, photos, stop.Token).ToArray());
        Assert.Equal(before, Used());
        // A readout of other statistics is refused when the first random network is made.
        EvaluatedMethod failing = method with
        {
            Kind = AttributionMethods.Find("readout"),
            Inputs = method.Inputs with { Readout = _ => throw new StatisticsException("the readout", "no", "none") },
        };
        Assert.Throws<StatisticsException>(() => measure.Measure(failing, photos, TestContext.Current.CancellationToken).ToArray());
        Assert.Equal(before, Used());
        Assert.Empty(measure.Measure(method, [], TestContext.Current.CancellationToken));

        long Used()
        {
            // Returned blocks are freed when no verb runs, as now.
            memory.Free();
            return memory.UsedBytes;
        }
    }

    [Fact]
    public void A_map_that_is_not_finite_is_undefined_and_counted()
    {
        EvaluatedMethod method = Method("gradient", "resnet50-narrow");
        ExplainedPhoto[] photos = Explained(method, "resnet50-narrow");
        NarrowNetwork narrow = Open("resnet50-narrow");
        using var memory = new TensorScope(narrow.Backend);
        Parameter bias = narrow.Network.Parameters.Last();
        Tensor broken = memory.Upload([.. Enumerable.Repeat(float.NaN, bias.Data.Shape.Count)], bias.Data.Shape);
        var fc = (LinearLayer)narrow.Network.Layers[^1];
        Layer last = fc with { Pair = fc.Pair with { Bias = bias with { Data = broken } } };
        var network = new Network(narrow.Network.Name, narrow.Backend, [.. narrow.Network.Layers.SkipLast(1), last]);
        double[][] originals = [.. photos.Select(photo => Ssim.Normalised(photo.Explanation.Heatmap))];
        using var measure = new SanityMeasure();
        Assert.All(
            measure.At(network, method, photos, originals, 1, TestContext.Current.CancellationToken), value => Assert.True(double.IsNaN(value)));

        Measurement[] records = [Record(.5, .3), Record(double.NaN, .1), Record(.1, .3)];
        IReadOnlyList<Score> scores = Measures.Find("sanity").Scores(records);
        Assert.Equal(
            ["SSIM, mean over the cascade", "SSIM, 1 of 2 layers random", "SSIM, 2 of 2 layers random"], scores.Select(score => score.Quantity));
        Assert.Equal([(2, 1), (2, 1), (3, 0)], scores.Select(score => (score.Photos, score.Undefined)));
        Assert.All(scores.Zip((double[])[.3, .3, .7 / 3]), pair => Assert.Equal(pair.Second, pair.First.Value, 1e-12));
    }

    private static Measurement Record(params double[] similarities) =>
        new("photo", "gradient", "sanity", 0, TargetSource.Folder, [new Quantity("ssim", similarities)]);

    private NarrowNetwork Open(string network) =>
        _networks.TryGetValue(network, out NarrowNetwork? open) ? open : _networks[network] = NarrowNetwork.Open(network, cpu);

    private EvaluatedMethod Method(string name, string network, Network? own = null)
    {
        Network trained = own ?? Open(network).Network;
        MethodKind kind = AttributionMethods.Find(name);
        Shape image = new(1, 64, 64, 3);
        float[][] photos = Photos(network);
        return new EvaluatedMethod(kind, new MethodInputs(trained, image)
        {
            // The weights are known: a random network is nevertheless evaluated with these statistics.
            Statistics = kind.Needs == MethodNeeds.Statistics
                ? Estimation.Run(trained, trained.Architecture!.DefaultLayer, image, photos, weightsSha256: ReadoutCase.Weights)
                : null,
            WeightsSha256 = ReadoutCase.Weights,
            Readout = from => new ReadoutBottleneck(from.Network, Readout(trained, image, photos), from.Image, from.Batch, from.WeightsSha256),
            Bottleneck = new BottleneckSettings { Steps = 3, Copies = 2 },
            NoiseSamples = 3,
            PathSteps = 3,
        });
    }

    private ReadoutNetwork Readout(Network trained, Shape image, float[][] photos) => _readout ??= ReadoutCase.Vary(
        new ReadoutNetwork(trained.Backend, Estimation.Run(trained, trained.Architecture!.ReadoutLayers, image, photos, weightsSha256: ReadoutCase.Weights)),
        trained.Backend);

    private static float[][] Photos(string network)
    {
        GoldenFile golden = Golden.Open($"{network}.expected.safetensors");
        int side = golden.Shape("input")[^1], margin = (side - 64) / 2;
        float[] whole = golden.NHWC("input");
        float[] middle = [.. Enumerable.Range(margin, 64).SelectMany(row => whole[((row * side + margin) * 3)..((row * side + margin + 64) * 3)])];
        return Draws.Images(middle, 3);
    }

    private static ExplainedPhoto[] Explained(EvaluatedMethod method, string network)
    {
        LabelledPhoto[] photos =
        [
            .. Photos(network).Select((pixels, i) => new LabelledPhoto(
                new ImageFile($"{i}", $"{i}", null), null!, new Sample(pixels, i == 0 ? 3 : null) { Preprocessing = null }, TargetSource.Prediction, null)),
        ];
        using IAttributionMethod created = method.Create();
        Result[] maps = [.. created.Attribute([.. photos.Select(photo => photo.Sample)])];
        return [.. photos.Zip(maps, (photo, map) => new ExplainedPhoto(photo, map))];
    }
}
