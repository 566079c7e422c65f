using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

public abstract class ConvolutionTests(Device on)
{
    private const int Cases = 60;

    /// <summary>
    /// Relative to the largest number expected. A float32 sum of d random products strays by about root(d) x 2^-24 of a typical one; the
    /// sums here have up to 3000 terms and the largest number exceeds a typical one, which makes 3e-6 the worst to be expected.
    /// </summary>
    private const double Tolerance = 1e-5;

    private readonly IBackend _backend = on.Backend;

    public static TheoryData<int> NetworkCases => [.. Enumerable.Range(0, ConvolutionCase.OfNetworks.Count())];

    [Fact]
    public void Convolution_is_the_textbooks() => ConvolutionCase.Any.Sample(Forward, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_data_is_the_textbooks() => ConvolutionCase.Any.Sample(BackwardData, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_weights_is_the_textbooks() => ConvolutionCase.Any.Sample(BackwardWeights, iter: Cases, threads: 1);

    [Theory]
    [MemberData(nameof(NetworkCases))]
    public void Convolutions_of_networks_are_the_textbooks(int index)
    {
        ConvolutionCase c = ConvolutionCase.OfNetworks.ElementAt(index);
        Forward(c);
        BackwardData(c);
        BackwardWeights(c);
    }

    [Fact]
    public void An_image_alone_gives_the_bits_it_gives_in_a_batch() => ConvolutionCase.Any.Sample(c =>
    {
        using var numbers = new Numbers(_backend);
        Shape one = c.X.WithN(1), many = c.X.WithN(5);
        Exact x = c.Numbers(many, 10), residual = c.Numbers(c.Y.WithN(5), 11);
        float[] all = c.Forward(numbers, x, c.Residual ? residual : null);
        for (int n = 0; n < 5; n++)
        {
            float[] alone = c.Forward(numbers, Image(x, n), c.Residual ? Image(residual, n) : null);
            on.Same(all[(n * alone.Length)..((n + 1) * alone.Length)], alone, $"{c}: image {n} of 5");
        }
    }, iter: Cases, threads: 1);

    [Fact]
    public void The_gradient_of_an_image_alone_has_the_bits_it_has_in_a_batch() => ConvolutionCase.Any.Sample(c =>
    {
        using var numbers = new Numbers(_backend);
        Exact dy = c.Numbers(c.Y.WithN(5), 10);
        float[] all = Gradient(dy, 5);
        for (int n = 0; n < 5; n++)
        {
            float[] alone = Gradient(Image(dy, n), 1);
            on.Same(all[(n * alone.Length)..((n + 1) * alone.Length)], alone, $"{c}: image {n} of 5");
        }

        float[] Gradient(Exact dy, int n)
        {
            Tensor dx = numbers.Empty(c.X.WithN(n));
            _backend.ConvolutionBackwardData(numbers.Upload(dy), numbers.Upload(c.WNumbers), c.Geometry, new(dx, Adds: false));
            return numbers.Download(dx);
        }
    }, iter: Cases, threads: 1);

    private void Forward(ConvolutionCase c)
    {
        using var numbers = new Numbers(_backend);
        Near(ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry), c.Forward(numbers), c.Typical.Values, $"{c}: values");
    }

    private void BackwardData(ConvolutionCase c)
    {
        using var numbers = new Numbers(_backend);
        Exact expected = c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true);
        Near(expected, c.BackwardData(numbers), c.Typical.DataGradient, $"{c}: gradient of the data");
    }

    private void BackwardWeights(ConvolutionCase c)
    {
        using var numbers = new Numbers(_backend);
        Exact expected = c.Finished(ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry), gated: false);
        Near(expected, c.BackwardWeights(numbers), c.Typical.WeightGradient, $"{c}: gradient of the weights");
    }

    private static Exact Image(Exact x, int n) => new(x.Shape.WithN(1), [.. x.Numbers.Skip(n * x.Shape.Row).Take(x.Shape.Row)]);

    private static void Near(Exact expected, float[] actual, double typical, string what) =>
        Close.InMaxNorm(expected.Floats(), actual, Tolerance, what, typical);
}

public sealed class ConvolutionTestsOnCpu(Cpu cpu) : ConvolutionTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class ConvolutionTestsOnCuda(Gpu gpu) : ConvolutionTests(gpu);
