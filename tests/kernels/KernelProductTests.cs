using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Engine;
using Tests.Textbook;
using Xunit;

namespace Tests.Kernels;

/// <summary>The plain products and convolutions, held against the textbook.</summary>
public sealed class KernelProductTests : IDisposable
{
    /// <summary>
    /// Relative to the largest number expected. A float32 sum of d random products strays by about root(d) x 2^-24 of a typical one; the
    /// sums here have up to 3000 terms.
    /// </summary>
    private const double Tolerance = 1e-5;

    private readonly ShimBackend _backend = new(new ShimDevice(seed: 2));

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void Convolution_and_both_gradients_are_the_textbooks() => ConvolutionCase.Any.Sample(Check, iter: 25, threads: 1);

    [Fact]
    public void Convolutions_of_networks_are_the_textbooks() => Check(ConvolutionCase.OfNetworks.ElementAt(2));

    [Fact]
    public void An_image_alone_gives_the_bits_it_gives_in_a_batch() => ConvolutionCase.Any.Sample(c =>
    {
        using var numbers = new Numbers(_backend);
        Exact x = c.Numbers(c.X.WithN(3), 10);
        float[] all = c.Forward(numbers, x, null);
        var alone = (c with { Residual = false }).Forward(numbers, new Exact(c.X.WithN(1), x.Numbers[c.X.Row..(2 * c.X.Row)]), null);
        Assert.Equal(all[alone.Length..(2 * alone.Length)], alone);
    }, iter: 15, threads: 1);

    [Fact]
    public void Linear_and_its_gradients_are_the_textbooks() => Rows.Sample(s =>
    {
        using var numbers = new Numbers(_backend);
        Exact x = Random(s.Seed, s.N, s.C), w = Random(s.Seed + 1, s.K, s.C);
        Exact dy = Random(s.Seed + 2, s.N, s.K), gate = Random(s.Seed + 3, s.N, s.C);
        Exact? bias = s.Flag ? Random(s.Seed + 4, s.K) : null;
        Exact dxBefore = Random(s.Seed + 5, s.N, s.C), dwBefore = Random(s.Seed + 6, s.K, s.C), dbBefore = Random(s.Seed + 7, s.K);
        Tensor y = numbers.Empty(new(s.N, s.K));
        Tensor dx = numbers.Upload(dxBefore), dw = numbers.Upload(dwBefore), db = numbers.Upload(dbBefore);

        _backend.Linear(numbers.Upload(x), numbers.Upload(w), numbers.UploadIfAny(bias), s.Flag, y);
        Near(LinearTextbook.Forward(x, w, bias, s.Flag), numbers.Download(y), Typical(s.C), $"{s}: values");

        _backend.LinearBackwardData(numbers.Upload(dy), numbers.Upload(w), new Accumulator(dx, s.Flag, numbers.Upload(gate)));
        Exact expected = LinearTextbook.BackwardData(dy, w);
        Exact gated = expected.Like(i => gate[i] > 0 ? expected[i] + (s.Flag ? dxBefore[i] : 0) : 0);
        Near(gated, numbers.Download(dx), Typical(s.K), $"{s}: gradient of the data");

        _backend.LinearBackwardWeights(numbers.Upload(x), numbers.Upload(dy), new Accumulator(dw, s.Flag));
        Near(Plus(LinearTextbook.BackwardWeights(x, dy), s.Flag ? dwBefore : null), numbers.Download(dw), Typical(s.N), $"{s}: gradient of the weights");

        _backend.BiasBackward(numbers.Upload(dy), new Accumulator(db, s.Flag));
        Near(Plus(LinearTextbook.BackwardBias(dy), s.Flag ? dbBefore : null), numbers.Download(db), Typical(s.N), $"{s}: gradient of the bias");
    }, iter: 25, threads: 1);

    /// <summary>More rows than one block takes, and more columns.</summary>
    [Fact]
    public void The_gradient_of_a_bias_sums_chunks_of_rows()
    {
        using var numbers = new Numbers(_backend);
        Exact dy = Random(3, 700, 141);
        Tensor db = numbers.Empty(new Shape(141));
        _backend.BiasBackward(numbers.Upload(dy), new Accumulator(db, Adds: false));
        Near(LinearTextbook.BackwardBias(dy), numbers.Download(db), Typical(700), "gradient of the bias");
    }

    private void Check(ConvolutionCase c)
    {
        using var numbers = new Numbers(_backend);
        Exact y = ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry);
        Exact dx = ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry);
        Exact dw = ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry);
        Near(y, c.Forward(numbers), c.Typical.Values, $"{c}: values");
        Near(c.Finished(dx, gated: true), c.BackwardData(numbers), c.Typical.DataGradient, $"{c}: gradient of the data");
        Near(c.Finished(dw, gated: false), c.BackwardWeights(numbers), c.Typical.WeightGradient, $"{c}: gradient of the weights");
    }

    private static Gen<(int N, int C, int K, bool Flag, int Seed)> Rows { get; } =
        Gen.Select(Gen.Int[1, 80], Gen.OneOf(Gen.Int[1, 100], Gen.Int[1000, 3000]), Gen.Int[1, 140], Gen.Bool, Gen.Int[0, 1 << 30]);

    private static Exact Plus(Exact term, Exact? before) => term.Like(i => term[i] + (before?[i] ?? 0));

    private static Exact Random(int seed, params int[] dims)
    {
        var random = new Random(seed);
        return new Exact(new Shape(dims)).Like(_ => random.NextSingle() * 2 - 1);
    }

    /// <summary>The standard deviation of a sum of so many products of such numbers; of the numbers themselves it is more.</summary>
    private static double Typical(int terms) => Math.Sqrt(terms) / 3;

    private static void Near(Exact expected, float[] actual, double typical, string what) =>
        Close.InMaxNorm(expected.Floats(), actual, Tolerance, what, typical);
}
