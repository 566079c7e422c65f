using Iba;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Explaining;
using Iba.Images;
using Iba.Rendering;
using Iba.Statistics;
using Iba.Weights;
using Xunit;
using static Tests.Explaining.NarrowExplainer;

namespace Tests.Explaining;

/// <summary>The front door of the library: photos from any number of threads.</summary>
public sealed class ExplainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _weights = NarrowExplainer.Weights, _statistics;

    public ExplainerTests() => _statistics = SaveStatistics(_folder["statistics.safetensors"]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    private Explainer Open() => Explainer.Open(_weights, _statistics, Options);

    [Fact]
    public void Paths_bytes_streams_and_pixels_give_the_same_explanation()
    {
        byte[] png = Png(1);
        string path = _folder.With("photo.png", png);
        using Explainer explainer = Explainer.Open(FileSource.Of(File.ReadAllBytes(_weights)), FileSource.Of(File.OpenRead(_statistics)), Options);
        PhotoExplanation[] all =
        [
            explainer.Explain(path), explainer.Explain(FileSource.Of(png)), explainer.Explain(FileSource.Of(new MemoryStream(png))),
            explainer.Explain(PhotoFile.Decode(png, "pixels")),
        ];
        Assert.All(all, each => Assert.Equal(all[0].Heatmap.Values, each.Heatmap.Values));
        BottleneckExplanation bits = all[0].Bits!;
        Assert.Equal(bits.Mask!.Length, bits.Capacity!.Length);
        // L_I is the sum over all neurons; a nat is 1 / ln 2 bits.
        Assert.Equal(bits.TotalBits, bits.Capacity.Sum(nats => (double)nats) / Math.Log(2), bits.TotalBits * 1e-6);
        Assert.Equal(10, bits.Losses.Count);
        byte[] drawn = all[0].ToPng();
        Assert.True(PngFile.IsDrawn(_folder.With("map.png", drawn)));
        // As the bottleneck itself gives it.
        using var backend = new CpuBackend(threads: 1);
        using StateDict dict = StateDict.Open(_weights);
        Network network = NetworkBuilder.Build(dict, backend);
        using var bottleneck = new PerSampleBottleneck(network, FeatureStatistics.Load(_statistics), explainer.Classifier.Image);
        PreparedPhoto prepared = explainer.Classifier.Read(path, cancellation: Stop);
        Explanation alone = bottleneck.Attribute([explainer.Classifier.Sample(prepared)], cancellation: Stop).Single();
        Assert.Equal(alone.Heatmap.Values, all[0].Heatmap.Values);
    }

    [Fact]
    public async Task A_thousand_callers_get_their_own_answers()
    {
        const int Callers = 1000, Photos = 20;
        string[] methods = ["gradient", "grad-cam", "per-sample:steps=1:copies=1"];
        byte[][] files = [.. Enumerable.Range(0, Photos).Select(seed => Png(seed))];
        await using Explainer explainer = Open();
        var alone = new Dictionary<(int, string), float[]>();
        foreach (string method in methods)
        {
            for (int i = 0; i < Photos; i++)
                alone[(i, method)] = explainer.Explain(FileSource.Of(files[i]), new ExplainerRequest { Method = method }, Stop).Heatmap.Values;
        }
        var random = new Random(3);
        int answered = 0, refused = 0, cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Ask(random.Next(Photos + 1), methods[random.Next(3)], random.Next(20) == 0)));
        Assert.Equal(Callers, answered + refused + cancelled);
        Assert.True(answered > 800 && refused > 10, $"{answered} were answered, {refused} refused");
        Assert.Equal(0, explainer.Waiting);

        async Task Ask(int photo, string method, bool cancels)
        {
            using var cancel = new CancellationTokenSource();
            // The last one is no photo.
            FileSource file = photo == Photos ? FileSource.Of("no photo"u8.ToArray()) : FileSource.Of(files[photo]);
            Task<PhotoExplanation> asked = explainer.ExplainAsync(file, new ExplainerRequest { Method = method }, cancel.Token);
            if (cancels)
                await cancel.CancelAsync();
            try
            {
                float[] map = (await asked).Heatmap.Values;
                Assert.Equal(alone[(photo, method)], map);
                Interlocked.Increment(ref answered);
            }
            catch (ImageException)
            {
                Assert.Equal(Photos, photo);
                Interlocked.Increment(ref refused);
            }
            catch (OperationCanceledException)
            {
                Assert.True(cancels);
                Interlocked.Increment(ref cancelled);
            }
        }
    }

    [Fact]
    public async Task A_photo_flows_through_the_mask_that_was_fitted_to_it()
    {
        await using Explainer explainer = Open();
        FileSource photo = FileSource.Of(Png(2));
        BottleneckExplanation bits = (await explainer.ExplainAsync(photo, cancellation: Stop)).Bits!;
        float[] mask = bits.Mask!;
        RestrictedOutput open = await explainer.RestrictFlowAsync(photo, [.. mask.Select(_ => 0.999f)], copies: 2, cancellation: Stop);
        RestrictedOutput fitted = await explainer.RestrictFlowAsync(photo, mask, copies: 2, cancellation: Stop);
        Assert.Equal(2, fitted.Logits.Count);
        Assert.InRange(fitted.Nats, 0, open.Nats);
        // The mask's own nats, but for the fresh noise, which they do not depend on.
        Assert.Equal(bits.Capacity!.Average(nats => (double)nats), fitted.Nats, 1e-5 * fitted.Nats);
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(
            () => explainer.RestrictFlowAsync(photo, mask, "gradient", cancellation: Stop));
        Assert.StartsWith("gradient is no bottleneck", refused.Message);
    }

    [Fact]
    public async Task Photos_of_different_losses_share_no_batch()
    {
        const int Copies = 2;
        await using Explainer explainer = Open();
        FileSource photo = FileSource.Of(Png(1));
        PhotoExplanation usual = Ask(new ExplainerRequest { Target = "1" }), several = Ask(new ExplainerRequest { Target = "1,2" });
        Assert.DoesNotContain("objective", usual.Facts.Keys);
        Assert.Equal(("any of 1, 2", "class 1 or class 2", 1), (several.Facts["objective"], several.Label, several.Target));
        Assert.Equal(usual.Probability + Ask(new ExplainerRequest { Target = "2" }).Probability, several.Probability, 1e-12);
        PhotoExplanation margin = Ask(new ExplainerRequest { Target = "1", MarginTo = "2" });
        Assert.Equal(("margin to 2", "class 1 rather than class 2"), (margin.Facts["objective"], margin.Label));
        Assert.NotEqual(usual.Heatmap.Values, margin.Heatmap.Values);

        // The same formula as the default's, in batches of their own however many wait.
        var rows = new System.Collections.Concurrent.ConcurrentBag<int>();
        LogitLoss own = LogitLoss.Of("own", from =>
        {
            rows.Add(from.Rows);
            return from.Surprise();
        });
        string method = $"per-sample:copies={Copies}:steps=2";
        ExplainerRequest[] asked = [.. Enumerable.Range(0, 9).Select(i => new ExplainerRequest { Method = method, Target = "1", Loss = i == 4 ? own : null })];
        PhotoExplanation[] all = await Task.WhenAll(asked.Select(each => explainer.ExplainAsync(photo, each, Stop)));
        Assert.All(all, each => Assert.Equal(all[0].Heatmap.Values, each.Heatmap.Values));
        Assert.Equal([Copies], rows);

        Refused("margin to 2", new ExplainerRequest { Target = "1", MarginTo = "2", Loss = own });
        Refused("a margin is of one", new ExplainerRequest { Target = "1,2", MarginTo = "3" });
        Refused("the class explained", new ExplainerRequest { Target = "2", MarginTo = "2" });
        Refused("'x': no class has that number or name", new ExplainerRequest { Target = "1,x" });
        Refused("lrp-alpha1-beta0 does not take the loss 'any of 1, 2'", new ExplainerRequest { Target = "1,2", Method = "lrp-alpha1-beta0" });

        PhotoExplanation Ask(ExplainerRequest request) => explainer.Explain(photo, request, Stop);

        void Refused(string reason, ExplainerRequest request) => Assert.Contains(reason, Assert.Throws<ArgumentException>(() => Ask(request)).Message);
    }

    [Fact]
    public async Task Several_devices_give_the_files_of_one()
    {
        FileSource[] photos = [.. Enumerable.Range(0, 6).Select(i => FileSource.Of(Png(i)))];
        var request = new ExplainerRequest { Method = "per-sample:steps=2:copies=2" };
        await using Explainer one = Open();
        CpuBackend first = new(threads: 1), second = new(threads: 1);
        await using Explainer two = Explainer.Open(_weights, _statistics, Options with { Device = () => first, MoreDevices = [() => second] });
        // Neither works before the other has work, too.
        using var both = new Barrier(2);
        foreach (CpuBackend backend in (CpuBackend[])[first, second])
        {
            backend.Entered = _ =>
            {
                backend.Entered = null;
                both.SignalAndWait(Stop);
            };
        }
        Assert.Equal((1, 2), (one.Devices.Count, two.Devices.Count));
        PhotoExplanation[] all = await Task.WhenAll(photos.Select(photo => two.ExplainAsync(photo, request, Stop)));
        foreach ((FileSource photo, PhotoExplanation found) in photos.Zip(all))
            Assert.Equal(one.Explain(photo, request, Stop).ToSafetensors(), found.ToSafetensors());
        Func<IBackend> unlike = () => new CpuBackend(threads: 1) { Winograd = false };
        Assert.Contains("different kinds",
            Assert.Throws<ArgumentException>(() => Explainer.Open(_weights, options: Options with { MoreDevices = [unlike] })).Message);
    }

    [Fact]
    public void A_target_is_explained_by_every_method()
    {
        using Explainer explainer = Open();
        int predicted = explainer.Explain(FileSource.Of(Png(1)), new ExplainerRequest { Method = "grad-cam" }).Predicted, other = predicted == 0 ? 1 : 0;
        foreach (string method in (string[])["grad-cam", "guided-grad-cam", "saliency", "per-sample:steps=1:copies=1"])
        {
            PhotoExplanation found = explainer.Explain(FileSource.Of(Png(1)), new ExplainerRequest { Method = method, Target = $"{other}" });
            Assert.Equal((predicted, other), (found.Predicted, found.Target));
        }
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using Explainer explainer = Explainer.Open(_weights, options: Options);
        FileSource photo = FileSource.Of(Png(0));
        Assert.Contains("feature statistics", Assert.Throws<ArgumentException>(() => explainer.Explain(photo)).Message);
        Assert.Contains("there is no method", Assert.Throws<ArgumentException>(() => Ask("no-method")).Message);
        Assert.Contains("no setting 'beta'", Assert.Throws<ArgumentException>(() => Ask("gradient:beta=3")).Message);
        Assert.Throws<ArgumentException>(() => explainer.Explain(photo, new ExplainerRequest { Method = "gradient", Target = "12345" }));
        Assert.Contains("no such file", Assert.Throws<ImageException>(() => explainer.Explain(_folder["none.jpg"])).Message);
        // None of these touches the next caller.
        Assert.Equal(64, Ask("gradient").Heatmap.Width);
        Assert.Contains("does not come with the library", Assert.Throws<ArgumentException>(() => Explainer.OpenDemo("demo-alexnet")).Message);
        FileSource zeros = FileSource.Of(new byte[16], "16 bytes");
        Assert.Contains("16 bytes", Assert.Throws<FileFormatException>(() => Explainer.Open(zeros, options: Options)).Message);
        Assert.Throws<StatisticsException>(() => Explainer.Open(_weights, FileSource.Of(Demo.Bytes(Demo.Statistics("demo-vgg16"))), Options));

        PhotoExplanation Ask(string method) => explainer.Explain(photo, new ExplainerRequest { Method = method });
    }

    [Fact]
    public void The_demo_network_names_the_sample()
    {
        using Explainer explainer = Explainer.OpenDemo();
        PhotoExplanation sample = explainer.Explain(FileSource.Of(Demo.Bytes(Demo.Sample)), new ExplainerRequest { Method = "grad-cam", Target = "key" });
        Assert.Equal(("key", 5, 5), (sample.Label, sample.Target, sample.Predicted));
    }

    [Fact]
    public async Task After_disposing_nothing_is_taken()
    {
        Explainer explainer = Open();
        Task<PhotoExplanation> asked = explainer.ExplainAsync(FileSource.Of(Png(0)), cancellation: Stop);
        await explainer.DisposeAsync();
        Assert.Equal(64, (await asked).Heatmap.Width);
        await explainer.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => explainer.ExplainAsync(FileSource.Of(Png(0)), cancellation: Stop));
    }
}
