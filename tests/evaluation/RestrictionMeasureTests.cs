using Iba;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Methods;
using Tests.Bottleneck;
using Xunit;

namespace Tests.Evaluation;

/// <summary>The paper's table 4: information and accuracy with a mask.</summary>
public sealed class RestrictionMeasureTests
{
    /// <summary>The class that the network predicts for all images, and another.</summary>
    private const int Predicted = 5, Label = 4;

    [Fact]
    public void Less_information_passes_with_a_larger_beta()
    {
        using var of = new ReadoutCase();
        Measurement[] columns = [.. ((float[])[.01f, .1f, 1, 10]).Select(beta => Measure(of, PerSample(of, beta), 1, Predicted).Single())];
        foreach ((Measurement smaller, Measurement larger) in columns.Zip(columns.Skip(1)))
        {
            Assert.InRange(larger["information_nats"][0], 0, .5 * smaller["information_nats"][0]);
            Assert.Equal(smaller["initial_information_nats"], larger["initial_information_nats"]);
        }
        Assert.InRange(columns[0]["information_nats"][0], 0, columns[0]["initial_information_nats"][0]);
    }

    /// <summary>Fitted to another class than the predicted one, a mask makes the network decide for that: the accuracy exceeds the original's.</summary>
    [Fact]
    public void With_a_small_beta_the_label_is_found_with_fresh_noise()
    {
        using var of = new ReadoutCase();
        Measurement[] predicted = [.. Measure(of, PerSample(of, .01f), 3, Predicted)], other = [.. Measure(of, PerSample(of, .01f), 3, Label)];
        Assert.All(predicted, record => Assert.Equal([1, 1, 1], (double[])[record["original_top1"][0], record["top1"][0], record["top5"][0]]));
        Assert.All(other, record => Assert.Equal([0, 1, 1], (double[])[record["original_top1"][0], Math.Round(record["top1"][0]), record["top5"][0]]));
    }

    [Fact]
    public void The_numbers_are_those_of_the_parts_and_a_mask_that_was_kept_is_not_fitted_again()
    {
        using var of = new ReadoutCase();
        EvaluatedMethod method = PerSample(of, 10);
        using IBottleneck bottleneck = (IBottleneck)method.Create();
        bottleneck.KeepsMask = true;
        Sample[] samples = [.. of.Samples.Take(2).Select(sample => sample with { Target = Label })];
        BottleneckExplanation[] kept = [.. bottleneck.Attribute(samples).Cast<BottleneckExplanation>()];
        using RestrictedNetwork network = bottleneck.Restricted(5);
        Measurement[] records = [.. Measure(of, method, 2, copies: 5)];
        foreach ((Sample sample, BottleneckExplanation explanation, Measurement record) in samples.Zip(kept, records))
        {
            RestrictedOutput output = network.Run(sample, explanation.Mask);
            Assert.Equal(output.Nats, record["information_nats"][0]);
            Assert.Equal(output.Logits.Average(logits => logits.Any(other => other > logits[Label]) ? 0 : 1.0), record["top1"][0]);
            Assert.Equal(output.Logits.Average(logits => logits.Count(other => other > logits[Label]) < 5 ? 1.0 : 0), record["top5"][0]);
            Assert.Equal(explanation.Logits.Any(other => other > explanation.Logits[Label]) ? 0 : 1, record["original_top1"][0]);
            Assert.Equal(explanation.Logits.Count(other => other > explanation.Logits[Label]) < 5 ? 1 : 0, record["original_top5"][0]);
        }

        // Another mask in the explanation: it is taken as it is.
        using var measure = new RestrictionMeasure(5);
        ExplainedPhoto[] blank = [.. samples.Zip(kept, (sample, each) => new ExplainedPhoto(Photo(sample), each with { Mask = new float[each.Mask!.Length] }))];
        Assert.All(measure.Measure(method, blank, TestContext.Current.CancellationToken), numbers => Assert.Equal(0, numbers[0].Values[0], 1e-7));
    }

    [Fact]
    public void A_readout_has_a_row_and_other_methods_and_photos_without_a_label_do_not()
    {
        using var of = new ReadoutCase();
        using ReadoutNetwork readout = of.Varied();
        var inputs = new MethodInputs(of.Network, of.Image)
        {
            Readout = _ => new ReadoutBottleneck(of.Network, readout, of.Image, 2, ReadoutCase.Weights),
        };
        Measurement record = Measure(of, new EvaluatedMethod(AttributionMethods.Find("readout"), inputs), 1).Single();
        Assert.InRange(record["information_nats"][0], 1e-6, record["initial_information_nats"][0]);

        IMeasure measure = new RestrictionMeasure();
        foreach (MethodKind kind in AttributionMethods.All)
            Assert.Equal(kind.Name is "per-sample" or "readout", measure.LeftOut(new EvaluatedMethod(kind, inputs)) is null);
        Assert.Contains("class is not known", measure.LeftOut(Photo(of.Samples[0] with { Target = null })));
        Assert.Null(measure.LeftOut(Photo(of.Samples[0] with { Target = 1 })));
    }

    [Fact]
    public void The_table_has_a_row_for_each_method_and_the_networks_own_accuracy()
    {
        Measurement[] records = [Record("a", "β=1", .2, 1, 1, 0, 1), Record("b", "β=1", .4, .5, 1, 1, 1), Record("a", "β=9", .1, 0, .5, 0, 1)];
        IReadOnlyList<Score> scores = Measures.Find("restriction").Scores(records);
        Assert.Equal([.3, .75, 1, 5], scores.Where(score => score.Method == "β=1").Select(score => Math.Round(score.Value, 12)));
        Assert.Equal([.1, 0, .5, 5], scores.Where(score => score.Method == "β=9").Select(score => score.Value));
        Assert.Equal([.5, 1], scores.Where(score => score.Method is null).Select(score => score.Value));

        static Measurement Record(string image, string method, double nats, double top1, double top5, double original1, double original5) => new(
            image, method, "restriction", 0, TargetSource.Folder,
            [
                new("information_nats", nats), new("top1", top1), new("top5", top5), new("original_top1", original1), new("original_top5", original5),
                new("initial_information_nats", 5),
            ]);
    }

    [Theory]
    [InlineData(0, 1, new[] { 1f, 5, 3 })]
    [InlineData(2, 0, new[] { 1f, 5, 3 })]
    [InlineData(0, 0, new[] { 7f, 7, 7 })]
    [InlineData(2, 2, new[] { 7f, 7, 7 })]
    [InlineData(1, 0, new[] { 1f, float.NaN })]
    [InlineData(1, 1, new[] { float.NaN, 1f })]
    public void The_rank_of_a_class_counts_those_before_it(int rank, int index, float[] logits) => Assert.Equal(rank, Classes.Rank(logits, index));

    private static EvaluatedMethod PerSample(ReadoutCase of, float beta) => new(AttributionMethods.Find("per-sample"), new MethodInputs(of.Network, of.Image)
    {
        Statistics = of.Statistics.First,
        Bottleneck = new BottleneckSettings { Beta = beta },
        Batch = 2,
        WeightsSha256 = ReadoutCase.Weights,
    });

    private static IEnumerable<Measurement> Measure(ReadoutCase of, EvaluatedMethod method, int count, int label = Label, int copies = 10)
    {
        using var measure = new RestrictionMeasure(copies);
        using IAttributionMethod created = method.Create();
        Sample[] samples = [.. of.Samples.Take(count).Select(sample => sample with { Target = label })];
        ExplainedPhoto[] photos = [.. samples.Zip(created.Attribute(samples), (sample, map) => new ExplainedPhoto(Photo(sample), map))];
        return [.. measure.Measure(method, photos, TestContext.Current.CancellationToken)
            .Select(numbers => new Measurement("photo", method.Name, measure.Name, label, TargetSource.Folder, numbers))];
    }

    private static LabelledPhoto Photo(Sample sample) => new(new ImageFile("photo", "photo", null), null!, sample, TargetSource.Folder, null);
}
