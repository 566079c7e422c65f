using Iba;
using Iba.Backpropagation;
using Iba.Methods;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>Guarantees of every method.</summary>
public sealed class MethodTests
{
    [Fact]
    public void A_recording_stays_inside_the_budget_and_rows_are_shared_out_evenly()
    {
        var made = new List<int>();
        MemoryStream Record(int count)
        {
            made.Add(count);
            return new MemoryStream(new byte[100 * count]);
        }
        using var rows = new BatchCache<MemoryStream>(Record, stream => stream.Length);
        Assert.Equal(8, rows.Within(899));
        Assert.Equal(1, rows.Within(1));
        Assert.Equal(100 * 8, rows.For(50 + 6, 899).Length);
        Assert.Equal(100 * 8, rows.For(50, 899).Length);
        Assert.Equal(100 * 5, rows.For(10, 899).Length);
        Assert.Equal(100, rows.For(1, 899).Length);
        Assert.Equal([1, 8, 5, 1], made);
    }

    [Fact]
    public void What_rows_share_is_taken_from_the_budget_once()
    {
        using var rows = new BatchCache<MemoryStream>(count => new MemoryStream(new byte[100 * count]), stream => stream.Length, _ => 250);
        Assert.Equal(6, rows.Within(899));
        Assert.Equal(1, rows.Within(100));
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void More_rows_take_more_memory_in_proportion(string network)
    {
        // Memory grows with the number of rows, so a row count can be computed from a budget and the size of one row.
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
        using var method = new SmoothGrad(golden.Network, golden.Image) { Samples = 3, MemoryBudget = 1 };
        var done = new List<Result>();
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (Result result in method.Attribute([golden.Sample(), golden.Sample(), golden.Sample()], null, source.Token))
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
        using var method = new IntegratedGradients(golden.Network, golden.Image) { Steps = 4, MemoryBudget = 1 };
        var seen = new List<AttributionProgress>();
        _ = method.Attribute([golden.Sample(), golden.Sample()], new Told(seen)).Count();
        double[] shares = [.. seen.Select(at => at.ImagesDone + (double)at.Step / at.Steps)];
        Assert.Equal(shares.Order(), shares);
        Assert.Equal(2, shares[^1]);
        // Five rows run one by one: the image itself, then four points of its path.
        Assert.Contains(0.2, shares);
        Assert.All(seen, at => Assert.Equal(2, at.Images));
    }

    [Fact]
    public void Wrong_images_and_classes_are_named()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        using var method = new Saliency(golden.Network, golden.Image);
        Assert.Contains("7 elements", Assert.Throws<ArgumentException>(() => method.Attribute([new(new float[7])]).Count()).Message);
        Assert.Contains("class 10", Assert.Throws<ArgumentException>(() => method.Attribute([golden.Sample(10)]).Count()).Message);
        Assert.Contains("class -1", Assert.Throws<ArgumentException>(() => method.Attribute([golden.Sample(-1)]).Count()).Message);
    }

    [Fact]
    public void Methods_that_lack_something_say_how_to_get_it()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow");
        var inputs = new MethodInputs(golden.Network, golden.Image);
        string Refused(string name) => Assert.Throws<ArgumentException>(() => AttributionMethods.Find(name).Create(inputs)).Message;
        Assert.Contains("iba estimate", Refused("per-sample"));
        Assert.Contains("iba readout train", Refused("readout"));
        Assert.Contains("iba patterns fit", Refused("pattern"));
        Assert.Contains("grad-cam", Refused("gradcam"));
    }

    private sealed class Told(List<AttributionProgress> seen) : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress value) => seen.Add(value);
    }
}
