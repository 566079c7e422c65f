using CsCheck;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Winograd;
using Iba.Engine.Tensors;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

public sealed class WinogradTests : IDisposable
{
    private const int Cases = 60;

    /// <summary>
    /// Relative to the largest expected value. The products round as the direct convolution's do, but the transforms enlarge the errors:
    /// over many draws the total is twice as large, 6e-6 where the direct one's worst is 3e-6.
    /// </summary>
    private const double Tolerance = 2e-5;

    private readonly CpuBackend _backend = new(2) { WinogradWhereverItFits = true };

    public void Dispose() => _backend.Dispose();

    /// <summary>Channels in steps of sixteen, images from one pixel to several tiles that mostly overrun it, with bias, residual, ReLU and gate.</summary>
    private static Gen<ConvolutionCase> Any { get; } =
        from n in Gen.Int[1, 4]
        from h in Gen.Int[1, 14]
        from w in Gen.Int[1, 14]
        from c in Gen.Int[1, 6]
        from k in Gen.Int[1, 9]
        from flags in Gen.Bool.Array[5]
        from seed in Gen.Int[0, int.MaxValue]
        select new ConvolutionCase(Kernel, new Shape(n, h, w, 16 * c), 16 * k, flags[0], flags[1], flags[2], flags[3], flags[4], seed);

    private static ConvGeometry Kernel => new(3, 1, 1);

    /// <summary>A batch of several blocks of tiles, cut at both edges, whose channels reach the second chunk of the reduction.</summary>
    internal static ConvolutionCase Layer { get; } = new(Kernel, new Shape(9, 14, 13, 528), 80, true, false, true, true, true, 7);

    /// <summary>Five channels do not fill a register, so no tile fits but that of single outputs.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_tile_that_is_not_the_backends_is_refused(int tile)
    {
        using CpuBackend backend = new(1);
        Tensor x = backend.Allocate(new Shape(1, 6, 6, 5)), w = backend.Allocate(new Shape(16, 3, 3, 5)), y = backend.Allocate(new Shape(1, 4, 4, 16));
        backend.Convolution(x, w, null, null, relu: false, new ConvGeometry(3) { Tile = 1 }, y);
        Assert.Throws<ShapeException>(() => backend.Convolution(x, w, null, null, relu: false, new ConvGeometry(3) { Tile = tile }, y));
    }

    [Fact]
    public void Convolution_is_the_textbooks() => Any.Sample(Forward, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_data_is_the_textbooks() => Any.Sample(BackwardData, iter: Cases, threads: 1);

    [Fact]
    public void A_batch_of_several_blocks_is_the_textbooks()
    {
        Forward(Layer);
        BackwardData(Layer);
    }

    [Fact]
    public void An_image_alone_gives_the_bits_it_gives_in_a_batch()
    {
        using var numbers = new TestTensors(_backend);
        ConvolutionCase one = Layer with { X = Layer.X.WithN(1) };
        float[] all = Layer.Forward(numbers);
        float[] gradients = Layer.BackwardData(numbers);
        for (int n = 0; n < Layer.X.N; n += 4)
        {
            float[] alone = one.Forward(numbers, Layer.XNumbers.Image(n), null);
            Assert.True(alone.AsSpan().SequenceEqual(all.AsSpan(n * alone.Length, alone.Length)), $"image {n}");

            Tensor dx = numbers.Upload(Layer.Earlier(Layer.X).Image(n)), gate = numbers.Upload(Layer.GateNumbers.Image(n));
            _backend.ConvolutionBackwardData(numbers.Upload(Layer.DyNumbers.Image(n)), numbers.Upload(Layer.WNumbers), Kernel, new(dx, Layer.Adds, gate));
            float[] gradient = numbers.Download(dx);
            Assert.True(gradient.AsSpan().SequenceEqual(gradients.AsSpan(n * gradient.Length, gradient.Length)), $"gradient of image {n}");
        }
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        using CpuBackend one = new(1) { WinogradWhereverItFits = true }, three = new(3) { WinogradWhereverItFits = true };
        using TestTensors alone = new(one), two = new(_backend), crowd = new(three);
        Func<TestTensors, float[]>[] verbs = [Layer.Forward, Layer.BackwardData];
        foreach (Func<TestTensors, float[]> verb in verbs)
        {
            float[] expected = verb(alone);
            Assert.Equal(expected, verb(two));
            Assert.Equal(expected, verb(crowd));
        }
    }

    [Fact]
    public void One_memory_of_weights_serves_both_algorithms()
    {
        ConvolutionCase c = Layer with { X = new Shape(1, 8, 8, 64), K = 64, Adds = false, Gate = false };
        using var numbers = new TestTensors(_backend);
        Tensor x = numbers.Upload(c.XNumbers), w = numbers.Upload(c.WNumbers);
        // Stride 2 has no Winograd algorithm.
        foreach (ConvGeometry geometry in (ConvGeometry[])[Kernel, Kernel with { Stride = 2 }, Kernel])
        {
            Tensor y = numbers.Empty(geometry.Output(c.X, c.K));
            _backend.Convolution(x, w, null, null, relu: false, geometry, y);
            Near(ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, null, null, false, geometry), numbers.Download(y), $"stride {geometry.Stride}");
        }
    }

    [Fact]
    public void The_Winograd_setting_is_obeyed()
    {
        ConvolutionCase c = Layer with { X = new Shape(2, 14, 14, 64), K = 64 };
        using CpuBackend off = new(2) { Winograd = false }, on = new(2) { Winograd = true };
        using TestTensors direct = new(off), gains = new(on), forced = new(_backend);
        Func<TestTensors, float[]>[] verbs = [c.Forward, c.BackwardData];
        foreach (Func<TestTensors, float[]> verb in verbs)
        {
            Assert.Equal(verb(forced), verb(gains));
            Assert.NotEqual(verb(forced), verb(direct));
        }
    }

    [Theory]
    [InlineData(28, 512, 512, true)]
    [InlineData(14, 512, 512, true)]
    [InlineData(14, 256, 256, true)]
    [InlineData(7, 512, 512, true)]
    [InlineData(56, 64, 64, true)]
    [InlineData(2, 512, 512, false)]
    [InlineData(5, 512, 512, false)]
    [InlineData(112, 16, 16, false)]
    public void It_is_used_for_the_networks_layers_and_not_where_tiles_or_transforms_cost_too_much(int side, int c, int k, bool gains) =>
        Assert.Equal(gains, new WinogradGrid(1, side, side, c, k).IsFaster);

    private void Forward(ConvolutionCase c)
    {
        using var numbers = new TestTensors(_backend);
        Near(ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry), c.Forward(numbers), $"{c}: values");
    }

    private void BackwardData(ConvolutionCase c)
    {
        using var numbers = new TestTensors(_backend);
        Near(c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true),
            c.BackwardData(numbers), $"{c}: gradient of the data");
    }

    private static void Near(Exact expected, float[] actual, string what) =>
        Close.InMaxNorm(expected.Floats(), actual, Tolerance, what);
}
