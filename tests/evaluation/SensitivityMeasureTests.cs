using Iba;
using Iba.Backpropagation;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Training;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Tests.Networks;
using Xunit;

namespace Tests.Evaluation;

/// <summary>Sensitivity-n (paper, section 4.4) against PyTorch's and the authors' numbers and against cases computed by hand.</summary>
public sealed class SensitivityMeasureTests : IDisposable
{
    private const int Side = 16;

    private readonly Toys _toys = new();

    public void Dispose() => _toys.Dispose();

    [Fact]
    public void Drops_sums_and_correlations_are_those_of_the_reference()
    {
        using NarrowNetwork narrow = NarrowNetwork.Open("resnet50-narrow");
        GoldenFile file = Golden.Open("metrics.safetensors");
        int side = file.Shape("sens.heatmap")[1];
        var classifier = new Classifier(narrow.Network) { Preprocessing = new Preprocessing { Resize = side, Crop = side } };
        float[][] pixels = [.. file.NHWC("sens.input").Chunk(3 * side * side)], maps = [.. file.Floats("sens.heatmap").Chunk(side * side)];
        int[] classes = [.. file.Longs("sens.class").Select(k => (int)k)];
        ExplainedPhoto[] photos = [.. pixels.Select((image, i) => Toys.Photo(image, Toys.Explanation(classifier, image, maps[i], classes[i])))];
        foreach ((string mode, int tile) in ((string, int)[])[("tile8", 8), ("pixel", 1)])
        {
            int[] sizes = [.. Sizes(file, $"sens.{mode}.n")];
            Assert.NotEmpty(sizes);
            using var measure = new SensitivityMeasure(classifier, tile) { Sets = [.. sizes.Select(n => Sets(n, Elements($"sens.{mode}.n{n}.sets")))] };
            // A drop is a small difference of logits of magnitude 10; the reference's own float32 drops move its correlations by up to 6e-5.
            Compare(file, $"sens.{mode}", measure, photos, sizes.ToDictionary(n => n, _ => 1e-3), drop: 1e-4);

            int[] Elements(string sets) => tile == 1 ? file.Ints(sets) : [.. file.Longs(sets).Select(i => (int)i)];
        }
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("conv")]
    public void The_authors_script_has_the_same_numbers(string toy)
    {
        GoldenFile peers = Golden.Open("peer-metrics.safetensors");
        float[] weight = Toys.ChannelsLast(peers.Floats("sens.linear.weight"), 3, Side * Side);
        Classifier classifier = toy == "linear" ? _toys.Linear(Side, weight) : _toys.Convolution(Side, peers);
        float[][] pixels = [.. peers.NHWC("sens.images").Chunk(3 * Side * Side)], maps = [.. peers.Floats("sens.conv.maps").Chunk(Side * Side)];
        int[] classes = peers.Ints("sens.labels"), sizes = [.. Sizes(peers, $"sens.{toy}.n")];
        Assert.Equal([1, 4, 13], sizes);
        ExplainedPhoto[] photos =
        [
            .. pixels.Select((image, i) => Toys.Photo(image, Toys.Explanation(
                classifier, image, toy == "conv" ? maps[i] : Contributions(weight[(classes[i] * image.Length)..], image), classes[i]))),
        ];
        using var measure = new SensitivityMeasure(classifier, 4)
        {
            Sets = [.. sizes.Select(n => Sets(n, [.. peers.Bytes($"sens.{toy}.n{n}.sets").Select(i => (int)i)]))],
        };
        // Where 13 of 16 tiles are masked, drops differ little from set to set, and their rounding matters more.
        Compare(peers, $"sens.{toy}", measure, photos, sizes.ToDictionary(n => n, n => n == 13 ? 1e-4 : 1e-5), drop: 1e-5);
    }

    [Theory]
    [InlineData(784)]
    [InlineData(50176)]
    [InlineData(256)]
    [InlineData(144)]
    public void Sizes_are_the_papers_each_once(int elements) => Assert.Equal(
        Golden.Open("metrics.safetensors").Longs($"sens.grid.N{elements}").Distinct(), SensitivityMeasure.SizesOf(elements).Select(n => (long)n));

    /// <summary>The logit is a sum over the elements, and the map is its summands.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_linear_network_correlates_fully_with_its_own_summands(int tile)
    {
        var random = new Random(5);
        float[] weight = Draw(3 * Side * Side), image = Draw(weight.Length), map = Contributions(weight, image);
        Classifier classifier = _toys.Linear(Side, weight);
        using var measure = new SensitivityMeasure(classifier, tile);
        Measurement Record(float[] values) => Toys.Records(measure, Toys.Photo(image, Toys.Explanation(classifier, image, values, 0))).Single();

        // Drops are rounded to 1e-6 of a logit, and the spread of a drop is more than a tenth of a logit: 1 - r is about the square of the ratio.
        Measurement own = Record(map);
        Assert.Equal(SensitivityMeasure.SizesOf(Side / tile * (Side / tile)).Select(n => (double)n), own["n"]);
        Assert.Equal(own["n"].Select(n => n * tile * tile), own["pixels"]);
        Assert.All(own["correlations"], r => Assert.Equal(1, r, 1e-8));
        Assert.All(Record([.. map.Select(value => -value)])["correlations"], r => Assert.Equal(-1, r, 1e-8));
        Measurement constant = Record([.. map.Select(_ => .1f)]);
        Assert.All(constant["correlations"], r => Assert.Equal(double.NaN, r));
        Assert.All(SensitivityMeasure.Scores(constant).Select(kind => kind.Over("m", [own, constant])), score =>
        {
            Assert.Equal((1, 1), (score.Photos, score.Undefined));
            Assert.Equal(1, score.Value, 1e-8);
        });

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    /// <summary>Masking everything gives one drop, whichever map it is held against.</summary>
    [Fact]
    public void All_elements_give_no_correlation()
    {
        var random = new Random(6);
        float[] map = [.. Enumerable.Range(0, Side * Side).Select(_ => random.NextSingle())], image = [.. map, .. map, .. map];
        Classifier classifier = _toys.Linear(Side, image);
        int[] all = [.. Enumerable.Range(0, map.Length)];
        using var measure = new SensitivityMeasure(classifier, 1) { Sets = [new ElementSets(all.Length, [all, all, all])] };
        Measurement record = Toys.Records(measure, Toys.Photo(image, Toys.Explanation(classifier, image, map, 0))).Single();
        Assert.Equal([double.NaN], record["correlations"]);
        Assert.Equal(double.NaN, SensitivityMeasure.Correlation([.1, .1, .1], [1, 2, 3]));
    }

    /// <summary>
    /// Weights 1, 2, 4 of pixels of value 1, and evidence 1, 3, 2. Deviations of the drops (-4, -1, 5) / 3 and of the evidence -1, 1, 0 give
    /// 1 / √(14/3 · 2) = 0.327327. A set of two is the complement of a set of one, so both change their sign and it is the same.
    /// </summary>
    [Fact]
    public void Three_pixels_by_hand()
    {
        float[] image = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0], weight = [1, 0, 0, 2, 0, 0, 4, 0, 0, 0, 0, 0];
        Classifier classifier = _toys.Linear(2, weight);
        using var measure = new SensitivityMeasure(classifier, 1)
        {
            Sets = [new ElementSets(1, [[0], [1], [2]]), new ElementSets(2, [[0, 1], [0, 2], [1, 2]])],
        };
        Measurement record = Toys.Records(measure, Toys.Photo(image, Toys.Explanation(classifier, image, [1, 3, 2, 0], 0))).Single();
        Assert.Equal([1, 2, 4, 3, 5, 6], record["logit_drops"]);
        Assert.Equal([1, 3, 2, 4, 3, 5], record["map_sums"]);
        Assert.All(record["correlations"], r => Assert.Equal(0.327327, r, 5e-7));
    }

    /// <summary>Occlusion with zeros measures what one masked tile costs: the whole chain from a file to a score, on any network.</summary>
    [Theory]
    [InlineData("resnet50")]
    [InlineData("vgg16")]
    public void Occlusion_of_tiles_correlates_fully_with_one_masked_tile(string name)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["photos"]);
        foreach (string photo in (string[])["rgb.png", "jpeg444.jpg"])
            File.Copy(Path.Combine(Golden.Path("preprocessing"), photo), folder[$"photos/{photo}"]);
        using var backend = new CpuBackend();
        var parameters = new FreshParameters(backend, new NetworkWidth(16, 8, 10), seed: 1);
        var classifier = new Classifier(name == "vgg16" ? Vgg.Vgg16.Build(backend, parameters) : ResNet.ResNet50.Build(backend, parameters))
        {
            Preprocessing = new Preprocessing { Resize = 32, Crop = 32 },
        };
        var inputs = new MethodInputs(classifier.Network, classifier.Image) { Baseline = Baseline.Zero };
        MeasureKind kind = Measures.Find("sensitivity-8");
        using IMeasure measure = kind.Create(new MeasureInputs(classifier));
        var run = new EvaluationRun(
            new LabelledPhotos(classifier, new(folder["photos"])), [new EvaluatedMethod(AttributionMethods.Find("occlusion-8"), inputs)], [measure]);
        Measurement[] records = [.. run.Records().Cast<Measurement>()];
        Assert.Equal(2, records.Length);
        Assert.All(records, record => Assert.Equal(1, record["correlations"][0], 1e-9));
        Assert.Equal(1, kind.Scores(records).Single(score => score.Quantity == "n = 64 pixels").Value, 1e-9);
    }

    [Fact]
    public void Sets_depend_on_the_seed_and_every_set_is_as_likely()
    {
        Classifier classifier = _toys.Linear(2, new float[12]);
        var counts = new Dictionary<string, int>();
        var distinct = new List<int>();
        for (ulong seed = 0; seed < 60; seed++)
        {
            using var measure = new SensitivityMeasure(classifier, 1) { Seed = seed };
            using var again = new SensitivityMeasure(classifier, 1) { Seed = seed };
            using var repeated = new SensitivityMeasure(classifier, 1) { Seed = seed, WithReplacement = true };
            Assert.Equal([1, 2, 3], measure.Sets.Select(of => of.N));
            Assert.Equal(measure.Sets.SelectMany(of => of.Members), again.Sets.SelectMany(of => of.Members));
            foreach (int[] set in measure.Sets[1].Members)
                counts[string.Join(' ', set)] = counts.GetValueOrDefault(string.Join(' ', set)) + 1;
            distinct.AddRange(repeated.Sets[2].Members.Select(set => set.Length));
        }
        // 6000 draws of 6 pairs: 1000 of each, with a spread of 29. The draws are fixed.
        Assert.Equal(["0 1", "0 2", "0 3", "1 2", "1 3", "2 3"], counts.Keys.Order());
        Assert.All(counts.Values, count => Assert.InRange(count, 1000 - 4 * 29, 1000 + 4 * 29));
        // Three draws of four elements find 4 (1 - (3/4)^3) = 2.3125 of them, with a spread of 0.58.
        Assert.Equal(2.3125, distinct.Average(), 4 * 0.58 / Math.Sqrt(distinct.Count));
    }

    [Fact]
    public void A_photos_masked_images_are_run_once_for_each_class()
    {
        float[] weight = [.. Enumerable.Range(1, 24).Select(i => (float)i)], image = [.. Enumerable.Repeat(1f, 12)];
        Classifier classifier = _toys.Linear(2, weight);
        using var measure = new SensitivityMeasure(classifier, 1);
        ExplainedPhoto first = Toys.Photo(image, Toys.Explanation(classifier, image, [1, 3, 2, 0], 0));
        ExplainedPhoto second = first with { Explanation = first.Explanation with { Heatmap = new Heatmap(2, 2, [0, 1, 2, 3], HeatmapUnit.Relative) } };
        ExplainedPhoto other = first with { Explanation = first.Explanation with { Target = 1 } };
        Measurement record = Toys.Records(measure, first).Single();
        // If the network ran again, these pixels would give other logits.
        Array.Fill(image, 2f);
        Assert.Equal(record["logit_drops"], Toys.Records(measure, second).Single()["logit_drops"]);
        Assert.NotEqual(record["map_sums"], Toys.Records(measure, second).Single()["map_sums"]);
        Assert.NotEqual(record["logit_drops"], Toys.Records(measure, other).Single()["logit_drops"]);
    }

    [Fact]
    public void A_run_that_is_stopped_keeps_nothing_of_a_photo_that_is_not_done()
    {
        float[] image = [.. Enumerable.Repeat(1f, 12)];
        Classifier classifier = _toys.Linear(2, [.. Enumerable.Range(1, 12).Select(i => (float)i)]);
        using var measure = new SensitivityMeasure(classifier, 1);
        ExplainedPhoto photo = Toys.Photo(image, Toys.Explanation(classifier, image, [1, 3, 2, 0], 0));
        Assert.Throws<OperationCanceledException>(() => measure.Measure(null!, [photo], new CancellationToken(canceled: true)).ToArray());
        Assert.Equal(300, Toys.Records(measure, photo).Single()["logit_drops"].Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void Where_the_devices_memory_is_full_fewer_images_at_a_time_give_the_same(int fit)
    {
        var random = new Random(8);
        float[] weight = [.. Enumerable.Range(0, 12).Select(_ => random.NextSingle())], image = [.. weight.Reverse()];
        LinearLayer linear = _toys.Dense("fc", 12, weight);
        Classifier roomy = _toys.Network(2, linear), full = _toys.Network(2, new Room("room", fit), linear);
        using SensitivityMeasure one = new(roomy, 1), other = new(full, 1);
        ExplainedPhoto photo = Toys.Photo(image, Toys.Explanation(roomy, image, [1, 3, 2, 0], 0));
        Assert.Equal(Toys.Records(one, photo).Single()["logit_drops"], Toys.Records(other, photo).Single()["logit_drops"]);
        using var none = new SensitivityMeasure(_toys.Network(2, new Room("room", 0), linear), 1);
        Assert.Throws<DeviceMemoryException>(() => Toys.Records(none, photo));
    }

    [Fact]
    public void Scores_are_the_mean_over_all_n_and_each_n()
    {
        Classifier classifier = _toys.Linear(2, new float[12]);
        using IMeasure measure = Measures.Find("sensitivity-1").Create(new MeasureInputs(classifier) { Seed = 3, WithReplacement = true });
        Assert.Equal((3ul, true), (((SensitivityMeasure)measure).Seed, ((SensitivityMeasure)measure).WithReplacement));
        Measurement[] records = [Record(.2, .4), Record(.4, .8), Record(double.NaN, .6)];
        Score[] scores = [.. Measures.Find("sensitivity-8").Scores(records)];
        Assert.Equal(
            [("mean correlation", .45, 2, 1), ("n = 64 pixels", .3, 2, 1), ("n = 128 pixels", .6, 3, 0)],
            scores.Select(score => (score.Quantity, Math.Round(score.Value, 12), score.Photos, score.Undefined)));
        Assert.Equal("n = 1 pixel", SensitivityMeasure.Scores(records[0] with { Numbers = [new("pixels", 1)] })[1].Quantity);

        static Measurement Record(params double[] correlations) => new(
            "photo", "method", "sensitivity-8", 0, TargetSource.Folder, [new("n", 1, 2), new("pixels", 64, 128), new("correlations", correlations)]);
    }

    /// <summary>Compares what a golden file has of drops and sums, and all correlations.</summary>
    private static void Compare(
        GoldenFile file, string prefix, SensitivityMeasure measure, ExplainedPhoto[] photos, Dictionary<int, double> tolerances, double drop)
    {
        Measurement[] records = Toys.Records(measure, photos);
        for (int size = 0, at = 0; size < measure.Sets.Count; at += measure.Sets[size++].Members.Count)
        {
            int n = measure.Sets[size].N, sets = measure.Sets[size].Members.Count;
            double tolerance = tolerances[n];
            string field = $"{prefix}.n{n}";
            double[][] drops = [.. records.Select(record => record["logit_drops"][at..(at + sets)])];
            double[][] sums = [.. records.Select(record => record["map_sums"][at..(at + sets)])];
            double[] correlations = [.. records.Select(record => record["correlations"][size])];
            if (file.Has($"{field}.drop"))
            {
                Assert.All(file.Floats($"{field}.drop").Zip(drops.SelectMany(of => of)), pair => Assert.Equal(pair.First, pair.Second, drop));
                Close.InMaxNorm(file.Floats($"{field}.sum"), [.. sums.SelectMany(of => of).Select(sum => (float)sum)], 1e-6, $"{field}.sum");
            }
            Assert.All(Numbers($"{field}.correlation").Zip(correlations), pair => Assert.Equal(pair.First, pair.Second, tolerance));
            Assert.Equal(file.Scalar($"{field}.correlation_mean"), correlations.Average(), tolerance);
            // What the released code prints: one correlation over all photos and sets.
            double flat = SensitivityMeasure.Correlation(drops.SelectMany(of => of).ToArray(), sums.SelectMany(of => of).ToArray());
            Assert.Equal(file.Scalar($"{field}.correlation_flattened"), flat, tolerance);
        }

        double[] Numbers(string field) => prefix.Contains("sens.linear") || prefix.Contains("sens.conv")
            ? file.Doubles(field)
            : [.. file.Floats(field).Select(value => (double)value)];
    }

    private static IEnumerable<int> Sizes(GoldenFile file, string prefix) => file.Fields
        .Where(field => field.StartsWith(prefix) && field.EndsWith(".sets")).Select(field => int.Parse(field[prefix.Length..^".sets".Length])).Order();

    private static ElementSets Sets(int n, int[] elements) => new(n, [.. elements.Chunk(n).Select(set => set.Distinct().ToArray())]);

    /// <summary>weight x image, summed over the colours.</summary>
    private static float[] Contributions(float[] weight, float[] image) =>
        [.. image.Zip(weight, (x, w) => x * w).Chunk(3).Select(colours => colours[0] + colours[1] + colours[2])];

    /// <summary>Passes images on, or is a device that has no memory for so many.</summary>
    private sealed record Room(string Name, int Fit) : Layer(Name)
    {
        public override Value Record(Value x, Recording recording, bool relu = false) =>
            x.Shape.N <= Fit ? x : throw new DeviceMemoryException("images", "too many", "Take fewer.");
    }
}
