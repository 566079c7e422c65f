using Iba;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Training;
using Iba.Evaluation;
using Iba.Images;
using Iba.Labels;
using Iba.Methods;
using Iba.Rendering;
using Iba.Statistics;
using Xunit;

namespace Tests.Evaluation;

/// <summary>Evaluations in a program that embeds the library, without the command line.</summary>
public sealed class EvaluationRunTests : IDisposable
{
    private const int Size = 32, Cat = 3, Dog = 7;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new();
    private readonly Classifier _classifier;

    public EvaluationRunTests()
    {
        File.WriteAllLines(_folder["labels.txt"], Enumerable.Range(0, 10).Select(k => k == Cat ? "n02121808 cat" : k == Dog ? "dog, hound" : $"thing {k}"));
        _classifier = new Classifier(ResNet.ResNet50.Build(_backend, new FreshParameters(_backend, new NetworkWidth(16, 8, 10), seed: 1)))
        {
            Preprocessing = new Preprocessing { Resize = Size, Crop = Size },
            Labels = ClassLabels.Read(_folder["labels.txt"], 10),
        };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    /// <summary>Table 4 wants one readout for each β: its column is that of the training.</summary>
    [Fact]
    public void A_readouts_beta_is_that_of_its_training()
    {
        var inputs = new MethodInputs(_classifier.Network, _classifier.Image) { ReadoutBeta = 1, ReadoutSha256 = "abc" };
        var method = new EvaluatedMethod(AttributionMethods.Find("readout"), inputs);
        using var measure = new RestrictionMeasure(2);
        Assert.Equal(1, new RecordedMethod("readout", EvaluationSettings.Of(_classifier, method, measure)).Beta);
        EvaluatedMethod unknown = method with { Inputs = inputs with { ReadoutBeta = null } };
        Assert.Equal(RecordedMethod.DefaultBeta, new RecordedMethod("readout", EvaluationSettings.Of(_classifier, unknown, measure)).Beta);
    }

    [Fact]
    public void A_folder_of_photos_and_boxes_is_evaluated_with_library_calls_alone()
    {
        string[] images = [Add("a.png", "cat"), Add("b.png", "cat"), Add("c.png", "cat")];
        LabelledPhotos photos = Photos();
        var run = new EvaluationRun(photos, Methods("gradient", "random"), [new BoxMeasure(_classifier)]) { Batch = 2 };
        Measurement[] records = [.. run.Records().Cast<Measurement>()];

        Assert.Equal(images.SelectMany(image => (string[])[image, image]), records.Select(record => record.Image));
        Assert.Equal(["gradient", "random", "gradient", "random", "gradient", "random"], records.Select(record => record.Method));
        using IAttributionMethod gradient = Methods("gradient")[0].Create();
        foreach (Measurement record in records.Where(record => record.Method == "gradient"))
        {
            // The same score from the parts: mask, map, share.
            LabelledPhoto photo = photos.Read(photos.Files.Single(file => file.Path == record.Image));
            ObjectMask mask = ObjectMask.Of(photo.Annotation!, photo.Photo.Extents, "photo", _classifier.Preprocessing);
            Assert.Equal(mask.Score(gradient.Attribute([photo.Sample]).Single().Heatmap), record["score"].Single());
            Assert.Equal(mask.Pixels, record["box_pixels"].Single());
        }
        IReadOnlyList<Score> scores = Measures.Find("boxes").Scores(records);
        Assert.Equal(["gradient", "gradient", "random", "random", null], scores.Select(score => score.Method));
        Assert.Equal(records.Where(record => record.Method == "random").Average(record => record["score"][0]), scores[2].Value, 1e-12);
        // A random map's values are symmetric about 0: its sum is 0 but for rounding, and its share of mass undefined.
        int gradients = records.Count(record => record.Method == "gradient" && double.IsFinite(record["mass"][0]));
        Assert.Equal([3, gradients, 3, 0, 3], scores.Select(score => score.Photos));
    }

    [Theory]
    [InlineData("dog/a.png", Dog, TargetSource.Folder, "n02121808")]
    [InlineData("a.png", Cat, TargetSource.Annotation, "n02121808")]
    [InlineData("a.png", Dog, TargetSource.Annotation, "hound", "Dog", "unicorn")]
    [InlineData("a.png", null, TargetSource.Prediction, "cat", "dog")]
    [InlineData("a.png", null, TargetSource.Prediction, "unicorn")]
    [InlineData("a.png", null, TargetSource.Prediction, "3")]
    [InlineData("a.png", null, TargetSource.Prediction)]
    public void The_class_is_the_folders_or_else_the_one_that_the_annotation_names(string photo, int? label, TargetSource source, params string[] objects)
    {
        Add(photo, objects);
        LabelledPhotos photos = Photos();
        LabelledPhoto read = photos.Read(photos.Files.Single());
        Assert.Equal((label, source), (read.Label, read.TargetFrom));
        if (objects.Length == 0)
            return;
        var run = new EvaluationRun(photos, Methods("random", "grad-cam"), [new BoxMeasure(_classifier)]);
        Assert.All(run.Records().Cast<Measurement>(), record => Assert.Equal((label ?? record.Target, source), (record.Target, record.TargetFrom)));
    }

    [Fact]
    public void A_list_of_classes_takes_the_place_of_folders()
    {
        Add("dog/a.png");
        Add("dog/b.png");
        File.WriteAllLines(_folder["list.txt"], ["dog/a.png n02121808", "", "c.png 5"]);
        LabelFile list = LabelFile.Read(_folder["list.txt"], _classifier.Labels, 10);
        var photos = new LabelledPhotos(_classifier, new PhotoSet(_folder["photos"]), list: list);
        Assert.Equal([(Cat, TargetSource.List), (null, TargetSource.Prediction)],
            photos.Files.Select(file => photos.Read(file)).Select(photo => ((int?)photo.Label, photo.TargetFrom)));
    }

    [Fact]
    public void A_list_without_a_photo_is_refused()
    {
        File.WriteAllText(_folder["list.txt"], "\n \n");
        Assert.Contains("names no photo", Assert.Throws<DatasetException>(() => LabelFile.Read(_folder["list.txt"], _classifier.Labels, 10)).Message);
    }

    [Theory]
    [InlineData("490", "one word")]
    [InlineData("a.png 10", "no class of the network")]
    [InlineData("a.png unicorn", "no class of the network")]
    [InlineData("a.png 3\na.png 4", "another class")]
    public void A_list_that_gives_no_class_is_refused_with_its_line(string text, string reason)
    {
        File.WriteAllText(_folder["list.txt"], $"b.png 1\n{text}\n");
        string message = Assert.Throws<DatasetException>(() => LabelFile.Read(_folder["list.txt"], _classifier.Labels, 10)).Message;
        Assert.Contains(reason, message);
        Assert.Contains("line ", message);
    }

    [Fact]
    public void Photos_are_drawn_by_a_seed_or_spread_and_shards_share_them_out()
    {
        for (int i = 0; i < 9; i++)
            Add($"{i}.png");
        var set = new PhotoSet(_folder["photos"]);
        string[] Names(int count, ulong? seed) => [.. new LabelledPhotos(_classifier, set, count: count, seed: seed).Files.Select(file => file.Name)];
        Assert.Equal(["0.png", "3.png", "6.png"], Names(3, null));
        Assert.Equal(Names(4, 7), Names(4, 7));
        Assert.NotEqual(Names(4, 7), Names(4, 8));
        Assert.Equal(Names(4, 7).Order(), Names(4, 7));
        Assert.Superset(Names(3, 7).ToHashSet(), Names(5, 7).ToHashSet());
        var photos = new LabelledPhotos(_classifier, set);
        IEnumerable<string> shared = Enumerable.Range(0, 4)
            .SelectMany(part => new EvaluationRun(photos, Methods("random"), []) { Shard = new Shard(part, 4) }.Files)
            .Select(file => file.Name);
        Assert.Equal(photos.Files.Select(file => file.Name), shared.Order());
    }

    [Fact]
    public void Records_that_are_known_are_not_computed_again()
    {
        Add("a.png", "cat");
        Add("b.png", "cat");
        var first = new EvaluationRun(Photos(), Methods("random", "gradient"), [new BoxMeasure(_classifier)]);
        Measurement[] all = [.. first.Records().Cast<Measurement>()];
        var known = all.Where(record => record.Name == "a.png" || record.Method == "random").Select(record => record.Key).ToHashSet();
        var total = new Total(_classifier);
        var again = new EvaluationRun(Photos(), Methods("random", "gradient"), [new BoxMeasure(_classifier), total]) { Known = known };
        Measurement[] rest = [.. again.Records().Cast<Measurement>()];
        Assert.Equal(
            ["b.png gradient boxes"],
            rest.Where(record => record.Measure == "boxes").Select(record => $"{record.Name} {record.Method} {record.Measure}"));
        Assert.Equal(4, rest.Count(record => record.Measure == "total"));
        Assert.Equal(all.Single(record => !known.Contains(record.Key))["score"], rest.Single(record => record.Measure == "boxes")["score"]);
    }

    /// <summary>Its records stay in the ledger: with new ones beside them the photo would count twice.</summary>
    [Theory]
    [InlineData("photos/a.png")]
    [InlineData("annotations/a.xml")]
    public void A_photo_that_is_not_that_of_its_records_fails_and_the_others_go_on(string changed)
    {
        Add("a.png", "cat");
        Add("b.png", "cat");
        EvaluationRun Run(IEnumerable<RecordKey> known) =>
            new(Photos(), Methods("random"), [new BoxMeasure(_classifier), new Total(_classifier)]) { Known = known };
        bool boxes = changed.EndsWith(".xml", StringComparison.Ordinal);
        Measurement[] all = [.. Run([]).Records().Cast<Measurement>()];
        RecordKey[] known = [.. all.Where(record => record.Name == "a.png").Select(record => record.Key)];
        if (boxes)
            Annotate("a.png", "dog");
        else
            File.AppendAllText(_folder[changed], " ");
        EvaluationRecord[] again = [.. Run(known).Records()];
        Assert.Contains("records that were made with another file, class, annotation or mask", Assert.Single(again.OfType<FailedPhoto>()).Reason);
        Assert.Equal(["b.png", "b.png"], again.OfType<Measurement>().Select(record => record.Name));
        // What is unknown of a record is not compared.
        Assert.Equal(boxes, Run(known.Select(key => key with { Truth = "" })).Records().All(each => each is Measurement));
    }

    [Fact]
    public void Boxes_and_masks_decide_the_truth_of_the_measures_that_need_them_and_the_class_that_of_all()
    {
        Add("a.png", "cat");
        Directory.CreateDirectory(_folder["masks"]);
        string[] Truths()
        {
            var photos = new LabelledPhotos(_classifier, new PhotoSet(_folder["photos"]), _folder["annotations"], masks: _folder["masks"]);
            return [.. Enum.GetValues<MeasureNeeds>().Select(needs => photos.Truth(photos.Files[0], needs))];
        }
        bool[] Changed(Action change)
        {
            string[] before = Truths();
            change();
            return [.. Truths().Zip(before, (now, then) => now != then)];
        }
        Assert.Equal([false, false, false], Changed(() => { }));
        Assert.Equal([false, true, false], Changed(() => Annotate("a.png", "cat", "cat")));
        Assert.Equal([false, false, true], Changed(() => File.Copy(_folder["photos/a.png"], _folder["masks/a.png"])));
        Assert.Equal([true, true, true], Changed(() => Annotate("a.png", "dog", "dog")));
    }

    [Fact]
    public void An_exception_of_a_reading_thread_is_given_as_itself()
    {
        Add("a.png", "cat");
        Add("b.png", "cat");
        var run = new EvaluationRun(Photos(), Methods("random"), [new Total(_classifier) { NoClass = true }]);
        Assert.Throws<NotSupportedException>(() => run.Records().Count());
    }

    [Fact]
    public void A_method_that_explains_the_prediction_says_so_where_the_label_is_another()
    {
        Add("a.png");
        using var inference = new Inference(_classifier.Network, _classifier.Image);
        int predicted = Classes.Largest(inference.Run(Photos().Read(Photos().Files[0]).Sample.Pixels));
        Annotate("a.png", _classifier.Labels[predicted == Cat ? Dog : Cat]);

        EvaluatedMethod cam = Methods("grad-cam").Single();
        EvaluatedMethod[] both = [cam, cam with { Inputs = cam.Inputs with { Class = ExplainedClass.Predicted } }];
        Measurement[] records = [.. new EvaluationRun(Photos(), both, [new BoxMeasure(_classifier)]).Records().Cast<Measurement>()];
        Assert.Equal(
            [(predicted == Cat ? Dog : Cat, TargetSource.Annotation), (predicted, TargetSource.Prediction)],
            records.Select(record => (record.Target, record.TargetFrom)));
        Assert.NotEqual(records[0].Settings, records[1].Settings);
    }

    [Fact]
    public void One_map_serves_every_measure_and_a_measure_leaves_photos_out_for_itself()
    {
        string[] images = [Add("a.png", "cat"), Add("b.png", "unicorn")];
        var total = new Total(_classifier);
        var run = new EvaluationRun(Photos(), Methods("random"), [new BoxMeasure(_classifier, new BoxClasses("cat")), total]);
        EvaluationRecord[] records = [.. run.Records()];
        Assert.Equal(
            [(typeof(LeftOutPhoto), images[1]), (typeof(Measurement), images[0]), (typeof(Measurement), images[0]), (typeof(Measurement), images[1])],
            records.Select(record => (record.GetType(), record.Image)));
        Assert.Contains("class wanted (cat)", ((LeftOutPhoto)records[0]).Reason);
        Assert.Equal(["boxes", "total", "total"], records.OfType<Measurement>().Select(record => record.Measure));
        Assert.Equal(1, total.Calls);
    }

    [Fact]
    public void A_photo_or_annotation_that_cannot_be_read_is_a_record_and_the_others_count()
    {
        string good = Add("a.png", "cat"), damaged = Add("b.png", "cat"), bare = Add("c.png", "cat");
        File.WriteAllText(damaged, "no photo");
        File.Delete(_folder["annotations/c.xml"]);
        EvaluationRecord[] records = [.. new EvaluationRun(Photos(), Methods("random"), [new BoxMeasure(_classifier)]).Records()];
        Assert.Equal([good, damaged, bare], records.Select(record => record.Image).Order());
        Assert.Equal([damaged, bare], records.OfType<FailedPhoto>().Select(record => record.Image));
        Assert.All(records.OfType<FailedPhoto>(), failed => Assert.Contains(Path.GetFileNameWithoutExtension(failed.Image), failed.Reason));
    }

    [Fact]
    public void Photos_without_annotations_are_left_out_of_boxes_and_nothing_is_explained()
    {
        Add("a.png", "cat");
        var photos = new LabelledPhotos(_classifier, new PhotoSet(_folder["photos"]));
        var leftOut = (LeftOutPhoto)Assert.Single(new EvaluationRun(photos, Methods("random"), [new BoxMeasure(_classifier)]).Records());
        Assert.Contains("no annotation", leftOut.Reason);
    }

    [Fact]
    public void A_run_that_is_stopped_has_given_whole_photos()
    {
        for (int i = 0; i < 4; i++)
            Add($"{i}.png", "cat");
        using var stop = new CancellationTokenSource();
        var run = new EvaluationRun(Photos(), Methods("random", "gradient"), [new BoxMeasure(_classifier)]) { Batch = 2 };
        var records = new List<EvaluationRecord>();
        var progress = new ProgressRelay<AttributionProgress>(at => stop.Cancel());
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (EvaluationRecord record in run.Records(progress, stop.Token))
                records.Add(record);
        });
        Assert.Equal([2, 2], records.GroupBy(record => record.Image).Select(of => of.Count()));
    }

    [Fact]
    public void A_mean_leaves_undefined_values_out_and_counts_them()
    {
        Measurement[] records = [.. ((double[])[1, double.NaN, 2, 6]).Select((value, i) => Value(i, value))];
        Score score = ScoreKind.Mean("q", record => record["value"][0]).Over("m", records);
        Assert.Equal((3, 1), (score.Photos, score.Undefined));
        Assert.Equal(3, score.Value, 1e-12);
        Score none = ScoreKind.Mean("q", record => record["value"][0]).Over("m", [Value(0, double.NaN)]);
        Assert.Equal((0, 1, double.NaN), (none.Photos, none.Undefined, none.Value));
    }

    /// <summary>The bootstrap's standard error of a mean is s / √n with the divisor n in s, and its interval is that of a normal distribution.</summary>
    [Fact]
    public void The_bootstrap_of_a_mean_agrees_with_theory()
    {
        const int Photos = 400;
        Measurement[] records = [.. Enumerable.Range(0, Photos).Select(i => Value(i, i))];
        Score score = ScoreKind.Mean("q", record => record["value"][0]).Over("m", records);
        double error = Math.Sqrt((Photos * Photos - 1) / 12.0 / Photos);
        // The draws are fixed. With 1000 samples the standard error is known within 2.2 %, and an end of the interval within about 0.08 standard errors.
        Assert.Equal(1, score.StandardError / error, 0.07);
        Assert.Equal(-1.96, (score.Low - score.Value) / error, 0.25);
        Assert.Equal(1.96, (score.High - score.Value) / error, 0.25);
        Assert.Equal(score, ScoreKind.Mean("q", record => record["value"][0]).Over("m", records));
    }

    [Fact]
    public void Kept_statistics_are_found_again_until_something_that_decides_them_changes()
    {
        Add("a.png", "cat");
        Add("b.png", "cat");
        var photos = new PhotoSet(_folder["photos"]);
        StatisticsCache Cache(Classifier classifier, string layer = "layer2", int samples = 10) => new(_folder["cache"], classifier, photos, layer, samples);

        Assert.Null(Cache(_classifier).Find());
        FeatureStatistics made = Cache(_classifier).Keep(Estimation.Run(_classifier, photos, ["layer2"]).First);
        Assert.Equal(made.Mean, Cache(_classifier).Find()!.Mean);
        Assert.Equal((2, "layer2.3"), (made.Samples, made.Origin.Layer));
        Assert.Null(Cache(_classifier, "layer1").Find());
        Assert.Null(Cache(_classifier, samples: 1).Find());
        Assert.Null(Cache(_classifier with { WeightsSha256 = new string('0', 64) }).Find());
        Assert.Null(Cache(_classifier with { Preprocessing = _classifier.Preprocessing with { Resize = 40 } }).Find());
        using var plain = new CpuBackend { Winograd = false };
        Assert.Null(Cache(new Classifier(ResNet.ResNet50.Build(plain, new FreshParameters(plain, new NetworkWidth(16, 8, 10), seed: 1)))
        {
            Preprocessing = _classifier.Preprocessing,
        }).Find());
        File.AppendAllText(photos.Files[0].Path, "x");
        Assert.Null(Cache(_classifier).Find());
    }

    [Fact]
    public void Methods_are_compared_in_a_figure_with_library_calls_alone()
    {
        PreparedPhoto[] photos = [_classifier.Read(Add("a.png")), _classifier.Read(Add("b.png"))];
        var comparison = new Comparison(_classifier, photos, Cat);
        var inputs = new MethodInputs(_classifier.Network, _classifier.Image);
        var progress = new List<int>();
        ComparedColumn[] columns =
        [
            .. from name in (string[])["gradient", "lrp-alpha1-beta0"]
               select comparison.Run(AttributionMethods.Find(name), inputs, null, new ProgressRelay<AttributionProgress>(at => progress.Add(at.ImagesDone))),
        ];
        ComparisonFigure figure = comparison.OfMethods(columns);
        Assert.Equal(["Gradient", "LRP α=1, β=0 *"], figure.Columns);
        Assert.Equal(["cat", "cat"], figure.Rows.Select(row => row.Title));
        Assert.Equal(
            columns[1].Maps.Select(map => map.Explanation!.Heatmap), figure.Rows.Select(row => row.Panels[1]!.Map), ReferenceEqualityComparer.Instance);
        Assert.All(columns.SelectMany(column => column.Maps), map => Assert.Equal(Cat, map.Explanation!.Target));
        Assert.Contains("* not reported for resnet50 in the paper", figure.Footnotes);
        Assert.Equal((0, 2), (progress.Min(), progress.Max()));
    }

    [Fact]
    public void A_file_that_is_not_a_photo_is_replaced_by_the_next_example_and_named_once()
    {
        string[] good = [Add("dog/a.png"), Add("cat/b.png")];
        string damaged = Add("cat/c.png");
        File.WriteAllText(damaged, "no photo");
        var leftOut = new List<string>();
        var photos = new PhotoSet(_folder["photos"]);
        var examples = new FolderExamples(_classifier, photos, seed: 5) { LeftOut = failure => leftOut.Add(failure.Message) };
        int?[] labels = [.. Enumerable.Range(0, 6 * photos.Files.Count).Select(position => examples.At(position).Target)];
        Assert.Equal([Cat, Dog], labels.Distinct().Order());
        Assert.Contains(damaged, Assert.Single(leftOut));
        Assert.Equal(labels[7], new FolderExamples(_classifier, photos, seed: 5).At(7).Target);
        File.WriteAllText(good[0], "no photo");
        File.WriteAllText(good[1], "no photo");
        Assert.Throws<ImageException>(() => examples.At(0));
    }

    private static Measurement Value(int photo, double value) => new($"{photo}", "m", "n", 0, TargetSource.Folder, [new("value", value)]);

    private LabelledPhotos Photos() => new(_classifier, new PhotoSet(_folder["photos"]), _folder["annotations"]);

    private EvaluatedMethod[] Methods(params string[] names)
    {
        var inputs = new MethodInputs(_classifier.Network, _classifier.Image);
        return [.. names.Select(name => new EvaluatedMethod(AttributionMethods.Find(name), inputs))];
    }

    /// <summary>Adds a photo whose annotation has a box of a ninth of it for each name.</summary>
    private string Add(string name, params string[] objects)
    {
        string photo = _folder[$"photos/{name}"];
        Directory.CreateDirectory(Path.GetDirectoryName(photo)!);
        File.Copy(Path.Combine(Golden.Path("preprocessing"), "rgb.png"), photo);
        Annotate(name, objects);
        return photo;
    }

    private void Annotate(string name, params string[] objects)
    {
        string annotation = _folder[$"annotations/{Path.ChangeExtension(name, ".xml")}"];
        Directory.CreateDirectory(Path.GetDirectoryName(annotation)!);
        new Annotation("", 90, 90, [.. objects.Select(o => new AnnotatedObject(o, new Box(30, 30, 60, 60)))]).Write(annotation);
    }

    /// <summary>The sum of each map: a second measure, which needs nothing.</summary>
    private sealed class Total(Classifier classifier) : IMeasure
    {
        public string Name => "total";

        public int Calls { get; private set; }

        /// <summary>Throws when a photo is read ahead.</summary>
        public bool NoClass { get; init; }

        public string? LeftOut(EvaluatedMethod method) => NoClass ? throw new NotSupportedException() : null;

        public void Dispose()
        {
        }

        public IEnumerable<IReadOnlyList<Quantity>> Measure(EvaluatedMethod method, IReadOnlyList<ExplainedPhoto> photos, CancellationToken cancellation)
        {
            Calls++;
            Assert.Same(classifier.Network, method.Inputs.Network);
            return photos.Select(photo => (Quantity[])[new("sum", photo.Explanation.Heatmap.Values.Sum(value => (double)value))]);
        }
    }
}
