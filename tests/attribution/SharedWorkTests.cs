using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Iba.Statistics;
using Tests.Devices;
using Tests.Emulator;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>A comparison does what its maps have in common once: it counts convolutions, and has the maps that each method has alone.</summary>
public sealed class SharedWorkTests(Cpu cpu) : TestsOnDevice(cpu), IClassFixture<Cpu>
{
    private static readonly MethodKind PerSample = AttributionMethods.Find(AttributionMethods.PerSample);

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void All_methods_together_run_what_each_runs_alone_without_what_they_share(string network)
    {
        using MethodCase of = Case(network);
        MethodInputs inputs = of.Inputs with
        {
            Statistics = of.Statistics,
            ReadoutStatistics = of.Depths,
            Patterns = of.Patterns,
            NoiseSamples = 3,
            PathSteps = 3,
        };
        inputs.Readout!(inputs).Dispose();
        var alone = new Dictionary<string, (Result Map, Work Work)>();
        foreach (MethodKind kind in AttributionMethods.All)
        {
            using IAttributionMethod method = kind.Create(inputs);
            alone[kind.Name] = Counted(() => method.Attribute([of.Samples[0]]).Single());
        }
        Work pass = Pass(of);
        MethodKind[] kinds = [.. AttributionMethods.All.OrderBy(kind => kind.Parts.Count)];
        (List<ComparedColumn> together, Work work) = Counted(() =>
        {
            Comparison comparison = Of(of, 1);
            var columns = new List<ComparedColumn>();
            comparison.Share([.. kinds.Select(kind => (kind, inputs))], TestContext.Current.CancellationToken);
            foreach (MethodKind kind in kinds)
                columns.Add(comparison.Run(kind, inputs, columns, cancellation: TestContext.Current.CancellationToken));
            return columns;
        });

        foreach (ComparedColumn column in together)
            Same(alone[column.Method.Name].Map, Assert.Single(column.Maps).Explanation!);
        string[] joined = ["saliency", "guided-grad-cam"], starting = ["per-sample", "readout", "grad-cam", "random"];
        IEnumerable<Work> expected = alone.Where(of => !joined.Contains(of.Key)).Select(of => of.Value.Work);
        int left = expected.Sum(work => work.Forward) - (starting.Length - 1) * pass.Forward;
        Assert.Equal(new Work(left, expected.Sum(work => work.Backward)), work);
    }

    /// <summary>Where the bound on what is held allows one photo's pass, methods run their own on the other.</summary>
    [Theory]
    [InlineData(1L << 30, 2)]
    [InlineData(1, 1)]
    public void Weights_and_layers_have_one_pass_of_each_photo(long mostShared, int shares)
    {
        using MethodCase of = Case("resnet50-narrow");
        MethodInputs[] columns =
        [
            .. from at in of.Depths.Layers.Take(2)
               from beta in (float[])[1, 10, 100]
               select of.Inputs with { Statistics = at, Bottleneck = of.Inputs.Bottleneck with { Beta = beta } },
        ];
        Work pass = Pass(of), alone = default;
        List<Result> expected = [];
        foreach (MethodInputs inputs in columns)
        {
            using IAttributionMethod method = PerSample.Create(inputs);
            (Result[] maps, Work work) = Counted(() => Predicted(of, 2).Select(sample => method.Attribute([sample]).Single()).ToArray());
            expected.AddRange(maps);
            alone = new Work(alone.Forward + work.Forward, alone.Backward + work.Backward);
        }
        (List<Result> together, Work shared) = Counted(() =>
        {
            Comparison comparison = Of(of, 2, mostShared);
            comparison.Share([.. columns.Select(inputs => (PerSample, inputs))], TestContext.Current.CancellationToken);
            return columns.SelectMany(inputs => comparison.Run(PerSample, inputs, cancellation: TestContext.Current.CancellationToken).Maps)
                .Select(map => map.Explanation!).ToList();
        });
        foreach ((Result one, Result other) in expected.Zip(together))
            Same(one, other);
        Assert.Equal(alone with { Forward = alone.Forward - shares * (columns.Length - 1) * pass.Forward }, shared);
    }

    /// <summary>One fit each with and without smoothing has the maps of all numbers of updates.</summary>
    [Fact]
    public void An_evolution_has_one_pass_and_two_fits()
    {
        using MethodCase of = Case("resnet50-narrow");
        MethodInputs[] rows =
        [
            .. Comparison.EvolutionSigmas.Select(sigma => of.Inputs with
            {
                Statistics = of.Statistics,
                Bottleneck = of.Inputs.Bottleneck with { Sigma = sigma, Steps = EvolutionStep.PaperUpdates[^1], FinalMap = FinalMap.AfterLastUpdate },
            }),
        ];
        int alone = rows.Sum(inputs =>
        {
            using IAttributionMethod method = PerSample.Create(inputs);
            return Counted(() => method.Attribute([of.Samples[0]]).Single()).Work.Forward;
        });
        Work pass = Pass(of), shared = Counted(() =>
        {
            Comparison comparison = Of(of, 1);
            comparison.Share([.. rows.Select(inputs => (PerSample, inputs))], TestContext.Current.CancellationToken);
            return rows.Select(inputs => comparison.RunUpdates(inputs, cancellation: TestContext.Current.CancellationToken)).ToList();
        }).Work;
        Assert.Equal(alone - pass.Forward, shared.Forward);
    }

    /// <summary>
    /// Features go to the host and back; in bf16 they are widened on the way. A second convolution makes what follows the bottleneck bf16, too.
    /// </summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_gpu_starts_from_a_shared_pass_as_from_its_own(Precision precision)
    {
        using var on = new EmulatedGpu(precision: precision);
        Network tiny = FullMemoryTests.Tiny(on.Backend);
        Parameter Place(string name, int seed, Shape shape) => new(name, on.Backend.Tensor(shape, Draws.Of(seed, shape).Floats()));
        var second = new ParameterPair(Place("conv2.weight", 5, new Shape(4, 3, 3, 4)), Place("conv2.bias", 6, new Shape(4)));
        var network = new Network("tiny", on.Backend,
            [.. tiny.Layers.Take(2), new ConvolutionLayer("conv2", second, new ConvGeometry(3, 1, 1)), new ReluLayer("relu2"), .. tiny.Layers.Skip(2)]);
        var depths = new StatisticsSet([FullMemoryTests.Statistics(network, "relu"), FullMemoryTests.Statistics(network, "fc")]);
        using var readout = new ReadoutNetwork(on.Backend, depths);
        MethodInputs inputs = OfTiny(network) with
        {
            Readout = from => new ReadoutBottleneck(from.Network, readout, from.Image),
            ReadoutStatistics = depths,
            CamLayer = "relu2",
        };
        MethodKind[] kinds = [PerSample, AttributionMethods.Find("readout"), AttributionMethods.Find("grad-cam"), AttributionMethods.Find("random")];
        Sample[] photos = [FullMemoryTests.Samples(1)[0] with { Target = null }];
        (Result[] alone, Work work) = Counted(() => kinds.Select(kind => Alone(kind, inputs, photos[0])).ToArray(), on.Backend);
        (Result[] together, Work shared) = Counted(() =>
        {
            Comparison comparison = Of(network, FullMemoryTests.Image, photos);
            comparison.Share([.. kinds.Select(kind => (kind, inputs))], TestContext.Current.CancellationToken);
            return kinds.Select(kind => comparison.Run(kind, inputs, cancellation: TestContext.Current.CancellationToken).Maps[0].Explanation!).ToArray();
        }, on.Backend);
        foreach ((Result one, Result other) in alone.Zip(together))
            Same(one, other);
        Assert.Equal(work.Forward - 2 * (kinds.Length - 1), shared.Forward);
    }

    /// <summary>
    /// What is after a bottleneck near the end has no convolution and is float32, where the shared pass pools bfloat16: both sum the same numbers in float32.
    /// </summary>
    [Theory]
    [InlineData("resnet50-narrow", "layer4.2")]
    [InlineData("resnet50-narrow", "layer4.0")]
    [InlineData("resnet50-narrow", "avgpool")]
    [InlineData("vgg16-narrow", "features.28")]
    [InlineData("vgg16-narrow", "features.29")]
    [InlineData("vgg16-narrow", "features.30")]
    public void In_bf16_maps_of_the_last_layers_are_those_without_a_shared_pass(string name, string layer)
    {
        using var on = new EmulatedGpu(precision: Precision.BFloat16);
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        var image = new Shape(1, 64, 64, 3);
        MethodInputs inputs = new(narrow.Network, image)
        {
            Statistics = FullMemoryTests.Statistics(narrow.Network, layer, image),
            Bottleneck = new BottleneckSettings { Steps = 2, Copies = 2, Sigma = 0 },
        };
        Sample[] photos = [new Sample(Draws.Of(1, image, -2, 2).Floats()) { Preprocessing = null }];
        Result alone = Alone(PerSample, inputs, photos[0]);
        Comparison comparison = Of(narrow.Network, image, photos);
        comparison.Share([(PerSample, inputs), (PerSample, inputs)], TestContext.Current.CancellationToken);
        Same(alone, comparison.Run(PerSample, inputs, cancellation: TestContext.Current.CancellationToken).Maps[0].Explanation!);
    }

    [Fact]
    public void A_network_other_than_the_classifiers_has_its_own_pass()
    {
        Network network = FullMemoryTests.Tiny(On.Backend), other = FullMemoryTests.Tiny(On.Backend);
        foreach (Parameter parameter in other.Parameters)
            On.Backend.Upload([.. On.Backend.Read(parameter.Data).Select(number => 2 * number)], parameter.Data);
        MethodInputs inputs = OfTiny(network), others = OfTiny(other);
        Sample[] photos = [FullMemoryTests.Samples(1)[0] with { Target = null }];
        Comparison comparison = Of(network, FullMemoryTests.Image, photos);
        comparison.Share([(PerSample, inputs), (PerSample, inputs), (PerSample, others)], TestContext.Current.CancellationToken);
        foreach (MethodInputs each in (MethodInputs[])[others, inputs])
            Same(Alone(PerSample, each, photos[0]), comparison.Run(PerSample, each, cancellation: TestContext.Current.CancellationToken).Maps[0].Explanation!);
    }

    private static MethodInputs OfTiny(Network network) => new(network, FullMemoryTests.Image)
    {
        Statistics = FullMemoryTests.Statistics(network, "relu"),
        Bottleneck = new BottleneckSettings { Steps = 2, Copies = 2 },
    };

    private static Result Alone(MethodKind kind, MethodInputs inputs, Sample sample)
    {
        using IAttributionMethod method = kind.Create(inputs);
        return method.Attribute([sample]).Single();
    }

    /// <summary>Convolutions forward and backward. All else of a pass goes with them.</summary>
    private record struct Work(int Forward, int Backward);

    private (T Result, Work Work) Counted<T>(Func<T> run, IBackend? on = null)
    {
        var backend = (Backend)(on ?? On.Backend);
        Work work = default;
        backend.Entered = call =>
        {
            work.Forward += call == nameof(IBackend.Convolution) ? 1 : 0;
            work.Backward += call == nameof(IBackend.ConvolutionBackwardData) ? 1 : 0;
        };
        try
        {
            return (run(), work);
        }
        finally
        {
            backend.Entered = null;
        }
    }

    private Work Pass(MethodCase of)
    {
        using var run = new Inference(of.Network, of.Image);
        return Counted(() => run.Run(of.Samples[0].Pixels)).Work;
    }

    private MethodCase Case(string network) => new("grad-cam", network, On, isSlow: true);

    /// <summary>Photos of whose classes the predicted one is explained, as in a comparison without a target.</summary>
    private static IEnumerable<Sample> Predicted(MethodCase of, int photos) => of.Samples.Where(sample => sample.Target is null).Take(photos);

    internal static Comparison Of(MethodCase of, int photos, long mostShared = 1L << 30) => Of(of.Network, of.Image, Predicted(of, photos), mostShared);

    private static Comparison Of(Network network, Shape image, IEnumerable<Sample> photos, long mostShared = 1L << 30)
    {
        (int height, int width) = (image.H, image.W);
        var crop = new Photo(new byte[3 * height * width], width, height, "test");
        return new Comparison(new Classifier(network) { Preprocessing = new Preprocessing { Crop = height }, ChecksSamples = false },
            [.. photos.Select(sample => new PreparedPhoto("test", "", (width, height), new NetworkInput(sample.Pixels, crop, default), null))])
        {
            MostShared = mostShared,
        };
    }

    internal static void Same(Result expected, Result actual)
    {
        Assert.Equal(expected.Heatmap.Values, actual.Heatmap.Values);
        Assert.Equal(expected.Heatmap.Unit, actual.Heatmap.Unit);
        Assert.Equal(expected.Logits, actual.Logits);
        Assert.Equal(expected.Target, actual.Target);
        Assert.Equal(expected.Colours, actual.Colours);
        if (expected is BottleneckExplanation bits)
        {
            var other = Assert.IsType<BottleneckExplanation>(actual);
            Assert.Equal((bits.TotalBits, bits.ProbabilityRestricted), (other.TotalBits, other.ProbabilityRestricted));
            Assert.Equal(bits.Losses, other.Losses);
        }
    }
}
