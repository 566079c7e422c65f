using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Weights;
using Xunit;

namespace Tests.Networks;

/// <summary>Passes that compute only what a patch can reach have the bits of passes of the whole image.</summary>
public sealed class PatchedInferenceTests
{
    /// <summary>Sizes that neither patches nor tiles nor strides divide, and patches as large as the image and larger.</summary>
    public static TheoryData<string, int, int, int> Cases => new()
    {
        { "resnet18", 64, 64, 14 },
        { "resnet18", 70, 70, 8 },
        { "resnet34", 45, 70, 9 },
        { "resnet50", 64, 64, 8 },
        { "resnet50", 70, 70, 14 },
        { "resnet50", 97, 61, 11 },
        { "resnet50", 64, 64, 64 },
        { "wide_resnet50_2", 70, 70, 14 },
        { "vgg11", 64, 64, 14 },
        { "vgg11_bn", 70, 70, 8 },
        { "vgg16", 70, 70, 14 },
        { "vgg16", 45, 70, 9 },
        { "vgg16", 64, 64, 100 },
        { "vgg19_bn", 64, 64, 8 },
    };

    [Theory, MemberData(nameof(Cases))]
    public void A_patch_has_the_logits_of_a_whole_pass(string architecture, int height, int width, int patch)
    {
        foreach (bool winograd in (bool[])[false, true])
        {
            using var backend = new CpuBackend { Winograd = winograd, WinogradWhereverItFits = winograd };
            Network network = Architecture.Named(architecture).Build(backend, new RandomParameters(backend, seed: 3, narrow: 4));
            AreEqual(network, new Shape(1, height, width, 3), patch, $"Winograd {winograd}");
            Free(network);
        }
    }

    [Theory]
    [InlineData("demo-resnet50", 14)]
    [InlineData("demo-vgg16", 8)]
    public void So_it_has_on_the_demo_networks(string name, int patch)
    {
        using var backend = new CpuBackend();
        using var folder = new TemporaryFolder();
        using StateDict weights = StateDict.Open(folder.With(Demo.Weights(name), Demo.Bytes(Demo.Weights(name))));
        Network network = NetworkBuilder.Build(weights, backend);
        AreEqual(network, new Shape(1, 96, 96, 3), patch, name);
    }

    /// <summary>Pixels that no kernel covers (the last ones of a pooling, those between the steps of a stride) are reached by nothing.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Layers_in_any_order_and_pixels_that_nothing_reads_are_no_exception(int patch)
    {
        foreach (bool winograd in (bool[])[false, true])
        {
            using var backend = new CpuBackend { WinogradWhereverItFits = winograd };
            var source = new RandomParameters(backend, seed: 5);
            ConvolutionLayer Convolution(string name, int channels, int outputs, ConvGeometry geometry) =>
                new(name, source.Convolution(new ConvolutionSpec(name, geometry.Kernel, channels, outputs)), geometry);
            var network = new Network("by hand", backend,
            [
                new ReluLayer("first"),
                Convolution("a", 3, 16, new ConvGeometry(1)),
                new MaxPoolLayer("pool", new ConvGeometry(2, 2)),
                Convolution("b", 16, 32, new ConvGeometry(3, 1, 1)),
                new DropoutLayer("drop"),
                new ReluLayer("b.relu"),
                Convolution("c", 32, 32, new ConvGeometry(1, 2)),
                new ResidualBlock("block", [Convolution("d", 32, 16, new ConvGeometry(3, 1, 1)), Convolution("e", 16, 48, new ConvGeometry(3, 1, 1))],
                    Convolution("f", 32, 48, new ConvGeometry(1))),
                Convolution("g", 48, 16, new ConvGeometry(5, 3, 1)),
                Convolution("h", 16, 16, new ConvGeometry(2)),
                new AveragePoolLayer("mean", 1),
                new LinearLayer("fc", source.Linear("fc", new Shape(1, 1, 1, 16), 7)),
            ]);
            AreEqual(network, new Shape(1, 31, 23, 3), patch, $"Winograd {winograd}");
        }
    }

    /// <summary>Of passes of the whole versions, counted in multiply-adds of the algorithms that are used; a copied element counts as 20.</summary>
    [Theory]
    [InlineData("resnet50", 14, 0.6)]
    [InlineData("resnet50", 8, 0.6)]
    [InlineData("vgg16", 14, 0.35)]
    [InlineData("vgg16", 8, 0.35)]
    public void Most_of_the_work_is_saved(string architecture, int patch, double most)
    {
        using var backend = new CpuBackend(1);
        var source = new RandomParameters(backend, seed: 1);
        using var run = new PatchedInference(Architecture.Named(architecture).Build(backend, source), new Shape(1, 224, 224, 3), patch, rows: 1);
        Assert.InRange(run.RelativeCost, 0.1, most);
    }

    /// <summary>As many layers on windows as possible, with few rows at a time, and as many as pay, with all rows.</summary>
    private static void AreEqual(Network network, Shape image, int patch, string what)
    {
        var random = new Random(7);
        float[] pixels = [.. Enumerable.Range(0, image.Count).Select(_ => 4 * random.NextSingle() - 2)], colour = [0.25f, -0.5f, 0.75f];
        float[][] expected = Whole(network, image, pixels, colour, patch);
        foreach ((bool farthest, int rows) in ((bool, int)[])[(true, 5), (false, 1000)])
        {
            using var run = new PatchedInference(network, image, patch, rows, farthest);
            Assert.Equal(expected.Length, run.Count + 1);
            Assert.True(!farthest || run.WindowLines > 4, $"{run.WindowLines} lines on windows");
            // First another image, which leaves its numbers in all windows.
            run.Run([.. pixels.Select(pixel => -3 * pixel)], colour, _ => { });
            float[][] actual = run.Run(pixels, colour, _ => { });
            for (int row = 0; row < expected.Length; row++)
                Assert.True(expected[row].AsSpan().SequenceEqual(actual[row]), $"{what}, row {row} of {rows} at once, farthest {farthest}");
        }
    }

    private static float[][] Whole(Network network, Shape image, float[] pixels, float[] colour, int patch)
    {
        using var run = new Inference(network, image);
        List<float[]> logits = [run.Run(pixels)];
        for (int top = 0; top < image.H; top += patch)
        {
            for (int left = 0; left < image.W; left += patch)
            {
                float[] version = [.. pixels];
                for (int i = 0; i < version.Length; i++)
                {
                    (int y, int x) = Math.DivRem(i / 3, image.W);
                    if (y >= top && y < top + patch && x >= left && x < left + patch)
                        version[i] = colour[i % 3];
                }
                logits.Add(run.Run(version));
            }
        }
        return [.. logits];
    }

    private static void Free(Network network)
    {
        foreach (Parameter parameter in network.Parameters)
            parameter.Data.Storage.Dispose();
    }
}
