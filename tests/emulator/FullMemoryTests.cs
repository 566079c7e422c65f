using Iba;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// A device whose memory holds some of the images but not all: every method continues with half as many, says so, and gives the same results.
/// The fake driver counts every byte, because no block of the arena fits into what these tests leave.
/// </summary>
public sealed class FullMemoryTests
{
    private const int Images = 4;
    private const nuint Plenty = (nuint)31 << 20;

    internal static readonly Shape Image = new(1, 16, 16, 3);

    internal static readonly Dictionary<string, Func<Network, int, IAttributionMethod>> Methods = new()
    {
        ["per-sample"] = (network, images) =>
            new PerSampleBottleneck(network, Statistics(network, "relu"), Image, images, new BottleneckSettings { Steps = 3, Copies = 2 }),
        ["readout"] = (network, images) => new ReadoutBottleneck(
            network, new ReadoutNetwork(network.Backend, new StatisticsSet([Statistics(network, "relu"), Statistics(network, "fc")])), Image, images),
        ["gradient"] = (network, _) => new Gradient(network, Image),
        ["smoothgrad"] = (network, _) => new SmoothGrad(network, Image) { Samples = 4 },
        ["guided-grad-cam"] = (network, _) => new GuidedGradCam(new GradCam(network, Image, "relu"), new GuidedBackpropagation(network, Image)),
        ["occlusion"] = (network, _) => new Occlusion(network, Image, 8),
        ["random"] = (network, _) => new RandomMap(network, Image),
    };

    public static TheoryData<string> Names => [.. Methods.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Half_the_images_at_a_time_give_the_same_numbers(string name)
    {
        (float[][] expected, List<string> silent, nuint all) = Attribute(name, Images, Plenty);
        (_, _, nuint one) = Attribute(name, 1, Plenty);
        Assert.Empty(silent);
        Assert.True(one < all, $"{one} bytes for one image, {all} for {Images}");

        (float[][] actual, List<string> notes, nuint most) = Attribute(name, Images, one + (all - one) * 3 / 5);
        Assert.Equal(expected, actual);
        Assert.NotEmpty(notes);
        Assert.All(notes, note => Assert.Matches("memory is full: going on with [0-9]+ (images|versions of an image) at a time", note));
        Assert.True(most < all);

        // Versions of one image are split, too.
        nuint tooLittle = name is "smoothgrad" or "occlusion" ? one / 8 : one - 2048;
        string message = Assert.Throws<DeviceMemoryException>(() => Attribute(name, Images, tooLittle)).Message;
        Assert.Contains("not even one image at a time fits", message);
        Assert.Contains("MiB are free", message);
    }

    /// <summary>The limit counts what is taken from the driver, as the driver does.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void A_limit_of_memory_works_like_a_full_device(string name)
    {
        (float[][] expected, _, nuint all) = Attribute(name, Images, Plenty);
        (_, List<string> silent, nuint enough) = Attribute(name, Images, Plenty, MemoryLimit.OfBytes((long)all));
        Assert.Empty(silent);
        Assert.Equal(all, enough);
        (_, _, nuint one) = Attribute(name, 1, Plenty);
        nuint some = one + (all - one) * 3 / 5;
        (float[][] actual, List<string> notes, nuint most) = Attribute(name, Images, Plenty, MemoryLimit.OfShare((some + 0.5) / Plenty));
        Assert.Equal(expected, actual);
        Assert.NotEmpty(notes);
        Assert.True(most <= some, $"{most} bytes were taken, {some} are allowed");

        nuint tooLittle = name is "smoothgrad" or "occlusion" ? one / 8 : one - 2048;
        string message = Assert.Throws<DeviceMemoryException>(() => Attribute(name, Images, Plenty, MemoryLimit.OfBytes((long)tooLittle))).Message;
        Assert.Contains("not even one image at a time fits", message);
        Assert.Contains("but the memory limit is", message);
        Assert.Contains("raise the limit", message);
    }

    [Fact]
    public void Half_the_images_at_a_time_give_the_same_numbers_without_progress_too()
    {
        (float[][] expected, _, nuint all) = Attribute("random", Images, Plenty, listens: false);
        (_, _, nuint one) = Attribute("random", 1, Plenty, listens: false);
        Assert.Equal(expected, Attribute("random", Images, one + (all - one) * 3 / 5, listens: false).Maps);
    }

    [Fact]
    public void Statistics_of_half_the_images_at_a_time_are_the_same()
    {
        Func<Network, Action<int>, float[]> estimate = (network, halved) =>
            Estimation.Run(network, "relu", Image, Photos(8), batch: 8, halved: halved) is var found ? [.. found.Mean, .. found.Std] : [];
        (float[] expected, List<int> silent, nuint all) = Run(Plenty, estimate);
        Assert.Empty(silent);
        (float[] actual, List<int> notes, _) = Run(all * 4 / 5, estimate);
        Assert.Equal([4], notes);
        Assert.Equal(expected, actual);
    }

    /// <summary>Sums over a batch are float32: 1e-4 allows for another order.</summary>
    [Fact]
    public void Patterns_of_half_the_images_at_a_time_are_the_same()
    {
        Func<Network, Action<int>, float[]> fit = (network, halved) =>
            PatternFit.Run(network, Image, Photos(8), batch: 8, halved: halved) is var found ? [.. found["conv.weight"], .. found["fc.weight"]] : [];
        (float[] expected, List<int> silent, nuint all) = Run(Plenty, fit);
        Assert.Empty(silent);
        (float[] actual, List<int> notes, _) = Run(all * 4 / 5, fit);
        Assert.Equal([4], notes);
        Close.InMaxNorm(expected, actual, 1e-4, "patterns");
    }

    [Fact]
    public void A_lost_device_names_the_last_op_and_finished_results_are_kept()
    {
        using var gpu = new FakeGpu(computes: true);
        using CudaBackend backend = gpu.Open(Precision.Float32);
        using IAttributionMethod method = new PerSampleBottleneck(
            Tiny(backend), Statistics(Tiny(backend), "relu"), Image, 1, new BottleneckSettings { Steps = 3, Copies = 2 });
        var finished = new List<Explanation>();
        DeviceLostException lost = Assert.Throws<DeviceLostException>(() =>
        {
            foreach (Explanation result in method.Attribute(Samples(2)))
            {
                finished.Add(result);
                gpu.Driver.Fail("cuGraphLaunch", global::Iba.Engine.Backends.Cuda.Native.CUresult.CUDA_ERROR_LAUNCH_FAILED);
            }
        });
        Assert.Single(finished);
        Assert.Contains("last op: replay", lost.Message);
    }

    private static (float[][] Maps, List<string> Notes, nuint Peak) Attribute(
        string name, int images, nuint bytes, MemoryLimit? limit = null, bool listens = true)
    {
        var notes = new List<string>();
        (float[][] maps, _, nuint peak) = Run(bytes, limit, (network, _) =>
        {
            using IAttributionMethod method = Methods[name](network, images);
            return method.Attribute(Samples(images), listens ? new Notes(notes) : null).Select(result => result.Heatmap.Values).ToArray();
        });
        return (maps, notes, peak);
    }

    private static (T Result, List<int> Halved, nuint Peak) Run<T>(nuint bytes, Func<Network, Action<int>, T> work) => Run(bytes, null, work);

    private static (T Result, List<int> Halved, nuint Peak) Run<T>(nuint bytes, MemoryLimit? limit, Func<Network, Action<int>, T> work)
    {
        using var gpu = new FakeGpu(computes: true);
        gpu.Driver.TotalBytes = bytes;
        using CudaBackend backend = gpu.Open(Precision.Float32, memory: limit);
        var halved = new List<int>();
        return (work(Tiny(backend), halved.Add), halved, gpu.Driver.MostUsedBytes);
    }

    private static float[][] Photos(int count) => [.. Enumerable.Range(0, count).Select(i => Draws.Of(100 + i, Image).Floats())];

    internal static Sample[] Samples(int count) => [.. Photos(count).Select(pixels => new Sample(pixels, 1) { Preprocessing = null })];

    internal static FeatureStatistics Statistics(Network network, string layer, Shape? image = null)
    {
        FeatureOrigin origin = FeatureOrigin.Of(network, layer, image ?? Image, "");
        float[] ones = [.. Enumerable.Repeat(1f, origin.Shape.Count)];
        return new FeatureStatistics(origin, 2000, new float[ones.Length], ones, ones, ones);
    }

    /// <summary>A network of four layers for images of 16 x 16.</summary>
    internal static Network Tiny(IBackend backend)
    {
        Parameter Place(string name, int seed, Shape shape) => new(name, backend.Tensor(shape, Draws.Of(seed, shape).Floats()));
        return new Network("tiny", backend,
        [
            new ConvolutionLayer(
                "conv", new ParameterPair(Place("conv.weight", 1, new Shape(4, 3, 3, 3)), Place("conv.bias", 2, new Shape(4))), new ConvGeometry(3, 1, 1)),
            new ReluLayer("relu"),
            new AveragePoolLayer("avgpool", 2),
            new LinearLayer("fc", new ParameterPair(Place("fc.weight", 3, new Shape(3, 16)), Place("fc.bias", 4, new Shape(3)))),
        ]);
    }

    private sealed class Notes(List<string> notes) : IProgress<AttributionProgress>
    {
        public void Report(AttributionProgress at)
        {
            if (at.Note is not null)
                notes.Add(at.Note);
        }
    }
}
