using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Tests.Devices;
using Tests.Networks;
using Tests.Textbook;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>Guarantees of the readout bottleneck.</summary>
public abstract class ReadoutTests(Device on)
{
    /// <summary>Both ways sum the same products in float32, in another order.</summary>
    [Theory, InlineData(ReadoutWidth.A), InlineData(ReadoutWidth.B)]
    public void Mixing_channels_before_the_resize_equals_mixing_them_after_it(ReadoutWidth width)
    {
        using var of = new ReadoutCase(on: on);
        using ReadoutNetwork readout = of.Varied(new ReadoutSettings { Width = width, AlphaBound = 1e6f });
        using var tape = new Tape(of.Backend);
        var random = new Random(1);
        Exact[] features = [.. of.Statistics.Layers.Select(layer => new Exact(layer.Origin.Shape.WithN(2)).Like(_ => random.NextSingle() - 0.5f))];
        Value parted = readout.Record([.. features.Select(x => Leaf(x.Shape, x.Floats()))], trains: false);

        Shape size = features[0].Shape;
        Exact stack = ResamplingTextbook.Concatenate([.. features.Select(x => ResamplingTextbook.Resize(x, size.H, size.W, Corners.Aligned))]);
        Value side = Leaf(stack.Shape, stack.Floats());
        Value[] p = [.. readout.Layout.Entries.Select((entry, i) => Leaf(
            new Shape(entry.Shape is [var k, var c, _, _] ? [k, 1, 1, c] : entry.Shape), readout.Download(i, readout.Parameters.Select(x => x.Data))))];
        Value whole = side.Convolution(p[0], new(1), p[1]).Relu().Convolution(p[2], new(1), p[3]).Relu().Convolution(p[4], new(1), p[5]);
        tape.Forward();
        Close.InMaxNorm(of.Read(whole), of.Read(parted), 1e-5, "α");
        Assert.Equal(width == ReadoutWidth.A ? size.C / 4 : size.C * 2, p[2].Shape.N);

        Value Leaf(Shape shape, float[] numbers)
        {
            Tensor tensor = of.Backend.Allocate(shape);
            of.Backend.Upload(numbers, tensor);
            return tape.Constant(tensor, "leaf");
        }
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void A_map_does_not_depend_on_the_batch(string name)
    {
        using var of = new ReadoutCase(name, on);
        using ReadoutNetwork readout = of.Varied();
        BottleneckExplanation[] one = Maps(1), four = Maps(4);
        Assert.Equal(of.Samples.Length, one.Length);
        foreach ((BottleneckExplanation a, BottleneckExplanation b) in one.Zip(four))
        {
            on.Same(a.Heatmap.Values, b.Heatmap.Values, "map");
            on.Same(a.Logits, b.Logits, "logits");
            on.Same([(float)a.TotalBits, (float)a.ProbabilityRestricted], [(float)b.TotalBits, (float)b.ProbabilityRestricted], "bits and probability");
            Assert.Equal(a.Target, b.Target);
            Assert.All(a.Heatmap.Values, bits => Assert.True(bits >= 0 && float.IsFinite(bits)));
        }
        Assert.NotEqual(one[0].Heatmap.Values, one[1].Heatmap.Values);

        BottleneckExplanation[] Maps(int batch)
        {
            using var method = new ReadoutBottleneck(of.Network, readout, of.Image, batch, ReadoutCase.Weights);
            return [.. method.Attribute(of.Samples).Cast<BottleneckExplanation>()];
        }
    }

    [Fact]
    public void Before_training_nearly_everything_passes()
    {
        using var of = new ReadoutCase(on: on);
        using ReadoutNetwork readout = of.Fresh();
        using var pass = new ReadoutPass(of.Network, readout, of.Image, 1, of.Backend.Allocate(new Shape(1)), trains: false);
        of.Backend.Upload(of.Samples[0].Pixels, pass.Images);
        pass.Collect();
        pass.Forward();
        Assert.All(of.Read(pass["λ"]), λ => Assert.True(λ is > 0.99f and < 0.995f, $"λ = {λ}"));
    }

    [Fact]
    public void Neurons_that_never_vary_give_numbers_in_training_and_in_the_map()
    {
        using var of = new ReadoutCase(on: on);
        StatisticsSet still = new([.. of.Statistics.Layers.Select(layer => layer with { Std = new float[layer.Std.Length] })]);
        using ReadoutNetwork readout = of.Fresh(new ReadoutSettings { Batch = 2 }, still);
        using (var training = new ReadoutTraining(of.Network, readout, of.Image, of))
            Assert.True(float.IsFinite(training.Step().Total));
        foreach (Parameter parameter in readout.Parameters)
            Assert.All(of.Read(parameter.Data), number => Assert.True(float.IsFinite(number), parameter.Name));
        using var method = new ReadoutBottleneck(of.Network, readout, of.Image);
        Assert.All(method.Attribute(of.Samples[..1]).Single().Heatmap.Values, bits => Assert.True(float.IsFinite(bits)));
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void The_paper_reads_five_depths_and_restricts_the_first(string name)
    {
        using var of = new ReadoutCase(name, on);
        Assert.Equal(5, of.Statistics.Layers.Count);
        FeatureStatistics[] layers = [.. of.Statistics.Layers];
        Assert.True(layers.Zip(layers.Skip(1), (a, b) => a.Origin.Shape.H >= b.Origin.Shape.H).All(deeper => deeper), "layers go from shallow to deep");
        Assert.Equal(new Shape(1, 1, 1, 10), layers[^1].Origin.Shape);
    }

    [Fact]
    public void A_readout_of_another_network_size_or_weights_is_refused_with_the_reason()
    {
        using ReadoutCase of = new(on: on), other = new("vgg16-narrow", on);
        using ReadoutNetwork readout = of.Fresh();
        Assert.Contains("resnet50, not vgg16", Refusal(other.Network, of.Image, ReadoutCase.Weights));
        Assert.Contains("(1, 16, 16, 32), not (1, 24, 24, 32)", Refusal(of.Network, new Shape(1, 96, 96, 3), ReadoutCase.Weights));
        Assert.Contains("weights aaaaaaaa", Refusal(of.Network, of.Image, "fedcba9876543210"));
        using var unknown = new ReadoutBottleneck(of.Network, readout, of.Image);

        string Refusal(Network network, Shape image, string weights)
        {
            string message = Assert.Throws<StatisticsException>(() => new ReadoutBottleneck(network, readout, image, 1, weights)).Message;
            Assert.Contains("iba readout train", message);
            return message;
        }
    }

    [Fact]
    public void Settings_out_of_range_are_named()
    {
        Assert.Contains("batch", Refusal(new ReadoutSettings { Batch = 0 }));
        Assert.Contains("learning rate", Refusal(new ReadoutSettings { LearningRate = double.NaN }));
        Assert.Contains("beta", Refusal(new ReadoutSettings { Beta = -1 }));
        Assert.Contains("α", Refusal(new ReadoutSettings { AlphaBound = 0 }));
        Assert.Contains("sigma", Refusal(new ReadoutSettings { Sigma = 11 }));

        static string Refusal(ReadoutSettings settings) => Assert.Throws<ArgumentException>(settings.Check).Message;
    }
}

public sealed class ReadoutTestsOnCpu(Cpu cpu) : ReadoutTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class ReadoutTestsOnCuda(Gpu gpu) : ReadoutTests(gpu);
