using Engine.Networks;
using Iba.Attribution;
using Iba.Bottleneck;
using Iba.Statistics;
using Tests.Networks;
using Xunit;
using Result = Iba.Attribution.Attribution;

namespace Tests.Attribution;

/// <summary>What all methods promise alike.</summary>
public sealed class MethodTests
{
    /// <summary>Room for one row at a time, for a few, and for everything at once.</summary>
    private const long Least = 1, Some = 12 << 20, Ample = 1L << 30;

    public static TheoryData<string, string> EveryMethodOnEveryNetwork
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string network in (string[])["resnet50-narrow", "vgg16-narrow"])
            {
                foreach (MethodKind kind in Methods.All.Where(kind => kind.Name != "readout"))
                    data.Add(kind.Name, network);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(EveryMethodOnEveryNetwork))]
    public void An_image_gets_the_same_bits_alone_and_among_eight_in_any_memory(string method, string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network);
        Sample[] samples = [.. Draws.Images(golden.Pixels, 8).Select((pixels, i) => new Sample(pixels, i % 2 == 0 ? null : golden.Other))];
        MethodInputs inputs = Inputs(golden, samples);
        Result[] together = Run(method, inputs with { MemoryBudget = Ample, Batch = 8 }, samples);
        Result[] apart = Run(method, inputs with { MemoryBudget = Least, Batch = 1 }, samples);
        Result[] reversed = Run(method, inputs with { MemoryBudget = Some, Batch = 2 }, [.. samples[..3].Reverse()]);

        Assert.Equal(samples.Length, together.Length);
        for (int i = 0; i < samples.Length; i++)
        {
            Same(together[i], apart[i], $"image {i} alone");
            if (i < reversed.Length)
                Same(together[i], reversed[^(i + 1)], $"image {i} in another order");
            Assert.Equal(golden.Image.H * golden.Image.W, together[i].Heatmap.Values.Length);
            Assert.Contains(together[i].Heatmap.Values, x => x != 0);
            Assert.All(together[i].Heatmap.Values, x => Assert.True(float.IsFinite(x)));
            if (i > 0)
                Assert.NotEqual(together[0].Heatmap.Values, together[i].Heatmap.Values);
        }
    }

    [Fact]
    public void A_recording_stays_inside_the_budget_and_rows_are_shared_out_evenly()
    {
        var made = new List<int>();
        MemoryStream Record(int count)
        {
            made.Add(count);
            return new MemoryStream(new byte[100 * count]);
        }
        using var rows = new RecordedRows<MemoryStream>(Record, stream => stream.Length);
        Assert.Equal(8, rows.Within(899));
        Assert.Equal(1, rows.Within(1));
        Assert.Equal(100 * 8, rows.For(50 + 6, 899).Length);
        Assert.Equal(100 * 8, rows.For(50, 899).Length);
        Assert.Equal(100 * 5, rows.For(10, 899).Length);
        Assert.Equal(100, rows.For(1, 899).Length);
        Assert.Equal([1, 8, 5, 1], made);
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void More_rows_take_more_memory_in_proportion(string network)
    {
        // What makes a count of rows from a budget and the measure of one row honest.
        using GoldenBaselines golden = GoldenBaselines.Open(network);
        using var one = new ScoreGradient(golden.Network, golden.Image);
        using var eight = new ScoreGradient(golden.Network, golden.Image.WithN(8));
        Assert.InRange(eight.Bytes, 7.9 * one.Bytes, 8.1 * one.Bytes);
    }

    [Fact]
    public void Cancelling_keeps_what_was_finished()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        using var source = new CancellationTokenSource();
        using var method = new SmoothGrad(golden.Network, golden.Image) { Samples = 3, MemoryBudget = Least };
        var done = new List<Result>();
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (Result result in method.Attribute([new(golden.Pixels), new(golden.Pixels), new(golden.Pixels)], null, source.Token))
            {
                done.Add(result);
                source.Cancel();
            }
        });
        Assert.Single(done);
    }

    [Fact]
    public void Progress_names_every_image_and_never_runs_backwards()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        using var method = new IntegratedGradients(golden.Network, golden.Image) { Steps = 4, MemoryBudget = Least };
        var seen = new List<AttributionProgress>();
        _ = method.Attribute([new(golden.Pixels), new(golden.Pixels)], new Told(seen)).Count();
        double[] shares = [.. seen.Select(at => at.ImagesDone + (double)at.Step / at.Steps)];
        Assert.Equal(shares.Order(), shares);
        Assert.Equal(2, shares[^1]);
        Assert.Contains(0.25, shares);
        Assert.All(seen, at => Assert.Equal(2, at.Images));
    }

    [Fact]
    public void Wrong_images_and_classes_are_named()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        using var method = new Saliency(golden.Network, golden.Image);
        Assert.Contains("7 numbers", Assert.Throws<ArgumentException>(() => method.Attribute([new(new float[7])]).Count()).Message);
        Assert.Contains("class 10", Assert.Throws<ArgumentException>(() => method.Attribute([new(golden.Pixels, 10)]).Count()).Message);
        Assert.Contains("class -1", Assert.Throws<ArgumentException>(() => method.Attribute([new(golden.Pixels, -1)]).Count()).Message);
    }

    [Fact]
    public void Methods_that_lack_something_say_how_to_come_by_it()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        var inputs = new MethodInputs(golden.Network, golden.Image);
        string Refused(string name) => Assert.Throws<ArgumentException>(() => Methods.Create(name, inputs)).Message;
        Assert.Contains("iba estimate", Refused("per-sample"));
        Assert.Contains("iba readout train", Refused("readout"));
        Assert.Contains("iba patterns fit", Refused("pattern"));
        Assert.Contains("grad-cam", Refused("gradcam"));
    }

    [Fact]
    public void A_method_is_named_as_it_is_called()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        MethodInputs inputs = Inputs(golden, [.. Draws.Images(golden.Pixels, 2).Select(pixels => new Sample(pixels))]);
        foreach (MethodKind kind in Methods.All.Where(kind => kind.Name != "readout"))
        {
            using IAttributionMethod method = Methods.Create(kind.Name, inputs);
            Assert.Equal(kind.Name, method.Name);
        }
    }

    [Fact]
    public void What_the_paper_did_not_report_stays_visible()
    {
        IEnumerable<MethodKind> gaps = Methods.All.Where(kind => !kind.IsReportedOn(ResNet50.Name));
        Assert.Equal(["lrp-alpha1-beta0", "lrp-alpha0-beta1", "pattern"], gaps.Select(kind => kind.Name));
        Assert.All(Methods.All, kind => Assert.True(kind.IsReportedOn(Vgg16.Name)));
    }

    private static MethodInputs Inputs(GoldenBaselines golden, Sample[] samples)
    {
        string layer = golden.Network.Name == Vgg16.Name ? Vgg16.DefaultLayer : ResNet50.DefaultLayer;
        return new MethodInputs(golden.Network, golden.Image)
        {
            Statistics = Estimation.Run(golden.Network, layer, golden.Image, samples.Select(sample => sample.Pixels)),
            Patterns = PatternFit.Run(golden.Network, golden.Image, samples.Select(sample => sample.Pixels)),
            Bottleneck = new BottleneckSettings { Steps = 3, Copies = 2 },
            Class = ExplainedClass.Target,
        };
    }

    private static Result[] Run(string name, MethodInputs inputs, Sample[] samples)
    {
        using IAttributionMethod method = Methods.Create(name, inputs);
        return [.. method.Attribute(samples)];
    }

    private static void Same(Result expected, Result actual, string what)
    {
        Assert.True(expected.Heatmap.Values.AsSpan().SequenceEqual(actual.Heatmap.Values), $"{what}: the map differs");
        Assert.True(expected.Logits.AsSpan().SequenceEqual(actual.Logits), $"{what}: the logits differ");
        Assert.Equal(expected.Target, actual.Target);
    }

    private sealed class Told(List<AttributionProgress> seen) : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress value) => seen.Add(value);
    }
}
