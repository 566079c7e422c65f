using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Iba.Statistics;
using Tests.Devices;
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
        MethodInputs inputs = of.Inputs with { Statistics = of.Statistics, Patterns = of.Patterns, NoiseSamples = 3, PathSteps = 3 };
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

    [Fact]
    public void Weights_and_layers_have_one_pass_of_each_photo()
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
            Comparison comparison = Of(of, 2);
            comparison.Share([.. columns.Select(inputs => (PerSample, inputs))], TestContext.Current.CancellationToken);
            return columns.SelectMany(inputs => comparison.Run(PerSample, inputs, cancellation: TestContext.Current.CancellationToken).Maps)
                .Select(map => map.Explanation!).ToList();
        });
        foreach ((Result one, Result other) in expected.Zip(together))
            Same(one, other);
        Assert.Equal(alone with { Forward = alone.Forward - 2 * (columns.Length - 1) * pass.Forward }, shared);
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

    /// <summary>Means so far away that the gradient of the information overflows: the first mask has a map, those after its update have none.</summary>
    [Fact]
    public void A_fit_that_diverges_keeps_the_maps_before()
    {
        using MethodCase of = Case("resnet50-narrow");
        FeatureStatistics narrow = of.Statistics with { Mean = [.. of.Statistics.Mean.Select(mean => 1e15f * mean)] };
        MethodInputs inputs = of.Inputs with { Statistics = narrow, Bottleneck = of.Inputs.Bottleneck with { Beta = BottleneckSettings.MostBeta } };
        IReadOnlyList<ComparedColumn> columns = Of(of, 1).RunUpdates(inputs, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(EvolutionStep.PaperUpdates.Count, columns.Count);
        Assert.NotNull(columns[0].Maps[0].Explanation);
        Assert.Null(columns[0].Maps[0].Failure);
        Assert.All(columns.Skip(1), column =>
        {
            Assert.Null(column.Maps[0].Explanation);
            Assert.Contains("the optimisation diverged: the loss of step 0", column.Maps[0].Failure!.Reason, StringComparison.Ordinal);
        });
    }

    /// <summary>Convolutions forward and backward. All else of a pass goes with them.</summary>
    private record struct Work(int Forward, int Backward);

    private (T Result, Work Work) Counted<T>(Func<T> run)
    {
        var backend = (Backend)On.Backend;
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

    private static Comparison Of(MethodCase of, int photos)
    {
        (int height, int width) = (of.Image.H, of.Image.W);
        var crop = new Photo(new byte[3 * height * width], width, height, "test");
        return new Comparison(new Classifier(of.Network) { Preprocessing = new Preprocessing { Crop = height }, ChecksSamples = false },
            [.. Predicted(of, photos).Select(sample => new PreparedPhoto("test", "", (width, height), new NetworkInput(sample.Pixels, crop, default), null))]);
    }

    private static void Same(Result expected, Result actual)
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
