using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Engine;
using Tests.Textbook;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// Convolutions and linear layers on every route. The libraries' fakes compute what was described to them and nothing else, so that a wrong
/// extent, stride, transposition, epilogue or order of operations is a wrong number.
/// </summary>
public sealed class CudaConvolutionTests : IDisposable
{
    private const int Cases = 8;

    /// <summary>A product on the CPU's fibers takes long, and its kernel has tests of its own.</summary>
    private const int OwnKernelCases = 2;

    private FakeGpu? _gpu;
    private CudaBackend? _backend;

    public static TheoryData<string, Precision> Routes => new MatrixTheoryData<string, Precision>(
        ["fused", "fused after timing", "single", "product", "own kernel"], [Precision.Float32, Precision.BFloat16]);

    public void Dispose()
    {
        _backend?.Dispose();
        _gpu?.Dispose();
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void Convolutions_are_the_textbooks(string route, Precision precision)
    {
        Open(route, precision);
        Sample(c =>
        {
            using var numbers = new Numbers(_backend!);
            Near(ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry), c.Forward(numbers), precision, c, c.Typical.Values);
        }, route);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void Gradients_of_the_data_are_the_textbooks(string route, Precision precision)
    {
        Open(route, precision);
        Sample(c =>
        {
            using var numbers = new Numbers(_backend!);
            Exact expected = c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true);
            Near(expected, c.BackwardData(numbers), precision, c, c.Typical.DataGradient);
        }, route);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void Gradients_of_the_weights_are_the_textbooks(string route, Precision precision)
    {
        Open(route, precision);
        Sample(c =>
        {
            using var numbers = new Numbers(_backend!);
            Exact expected = c.Finished(ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry), gated: false);
            Near(expected, c.BackwardWeights(numbers), precision, c, c.Typical.WeightGradient);
        }, route);
    }

    [Theory]
    [InlineData("product")]
    [InlineData("own kernel")]
    public void Linear_layers_and_their_gradients_are_the_textbooks(string route)
    {
        Open(route, Precision.Float32);
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 60], Gen.Int[1, 30], Gen.Bool.Array[4], Gen.Int[0, 1 << 30]).Sample((n, c, k, flags, seed) =>
        {
            using var numbers = new Numbers(_backend!);
            (bool hasBias, bool relu, bool adds, bool gated) = (flags[0], flags[1], flags[2], flags[3]);
            Exact x = Random(seed, n, c), w = Random(seed + 1, k, c), bias = Random(seed + 2, k), dy = Random(seed + 3, n, k), gate = Random(seed + 4, n, c);
            Tensor y = numbers.Empty(new(n, k)), dx = numbers.Upload(x), dw = numbers.Upload(w);
            string what = $"{n} {c} {k} {string.Join(' ', flags)}";

            _backend!.Linear(numbers.Upload(x), numbers.Upload(w), hasBias ? numbers.Upload(bias) : null, relu, y);
            Near(LinearTextbook.Forward(x, w, hasBias ? bias : null, relu), numbers.Download(y), Precision.Float32, what);

            _backend.LinearBackwardData(numbers.Upload(dy), numbers.Upload(w), new Accumulator(dx, adds, gated ? numbers.Upload(gate) : null));
            Exact expected = LinearTextbook.BackwardData(dy, w);
            Near(expected.Like(i => gated && !(gate[i] > 0) ? 0 : expected[i] + (adds ? x[i] : 0)), numbers.Download(dx), Precision.Float32, what);

            _backend.LinearBackwardWeights(numbers.Upload(x), numbers.Upload(dy), new Accumulator(dw, adds));
            expected = LinearTextbook.BackwardWeights(x, dy);
            Near(expected.Like(i => expected[i] + (adds ? w[i] : 0)), numbers.Download(dw), Precision.Float32, what);
        }, iter: route == "own kernel" ? OwnKernelCases : Cases, threads: 1);
        Assert.All(_backend!.Choices, choice => Assert.Equal(route == "product" ? Route.Product : Route.OwnKernel, choice.Route));
    }

    [Fact]
    public void Rounded_weights_follow_every_write()
    {
        Open("fused", Precision.BFloat16);
        Tensor x = _backend!.Allocate(new(1, 1, 1, 1)), w = _backend.Allocate(new(1, 1, 1, 1)), y = _backend.Allocate(new(1, 1, 1, 1));
        _backend.Fill(x, 1f);
        for (int value = 1; value <= 3; value++)
        {
            _backend.Fill(w, value);
            Assert.Equal(value, Product());
        }
        using IReplay loop = _backend.Replay(() => _backend.Convolution(x, w, null, null, false, new(1), y));
        for (int value = 4; value <= 7; value++)
        {
            // Beside the captured loop, where only its launch passes by.
            _backend.Fill(w, value);
            loop.Run();
            Assert.Equal(value, Read(y));
        }
        using IReplay doubling = _backend.Replay(() =>
        {
            _backend.Convolution(x, w, null, null, false, new(1), y);
            _backend.Add(y, y, w);
        });
        _backend.Fill(w, 1f);
        for (int run = 0; run < 4; run++)
        {
            doubling.Run();
            Assert.Equal(1 << run, Read(y));
        }
        Assert.Equal(16f, Product());

        float Product()
        {
            _backend.Convolution(x, w, null, null, false, new(1), y);
            return Read(y);
        }
    }

    private float Read(Tensor tensor)
    {
        var number = new float[1];
        _backend!.Download(tensor, number);
        return number[0];
    }

    private void Open(string route, Precision precision)
    {
        _gpu = new FakeGpu(cudnn: route is "fused" or "fused after timing" or "single", cublasLt: route is not "own kernel", computes: true);
        if (route == "single")
            _gpu.Cudnn.Engines[0] = new FakeEngine(7) { MostOperations = 1 };
        if (route == "fused after timing")
            _gpu.Cudnn.Engines.AddRange([new FakeEngine(2) { Workspace = 1000 }, new FakeEngine(3)]);
        _backend = _gpu.Open(precision);
    }

    private void Sample(Action<ConvolutionCase> check, string route)
    {
        Gen<ConvolutionCase> any = route == "product" ? ConvolutionCase.Any.Select(c => c with { Geometry = new ConvGeometry(1) }) : ConvolutionCase.Any;
        any.Sample(check, iter: route == "own kernel" ? OwnKernelCases : Cases, threads: 1);
        Route expected = route switch { "single" => Route.Single, "product" => Route.Product, "own kernel" => Route.OwnKernel, _ => Route.Fused };
        // A unit that is nothing but the sum needs no second step.
        Assert.Contains(_backend!.Choices, choice => choice.Route == expected);
        Assert.All(_backend.Choices, choice => Assert.True(choice.Route == expected || route == "single" && choice.Route == Route.Fused, $"{choice.Unit}: {choice.Route}"));
        Assert.Empty(_gpu!.Cudnn.Misuse);
    }

    private static Exact Random(int seed, params int[] dims)
    {
        var random = new Random(seed);
        return new Exact(new Shape(dims)).Like(_ => random.NextSingle() * 2 - 1);
    }

    /// <summary>
    /// float32 as for the CPU; bfloat16 rounds each factor by up to 2^-9 of itself, and the largest number of a sum of random products exceeds
    /// the sum of their errors by far more than the factor of five that 1e-2 leaves.
    /// </summary>
    private static void Near(Exact expected, float[] actual, Precision precision, object what, double typical = 0)
    {
        double tolerance = (precision == Precision.BFloat16 ? 1e-2 : 1e-5) * Math.Max(expected.Numbers.Max(Math.Abs), typical);
        Assert.Equal(expected.Shape.Count, actual.Length);
        for (int i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs(actual[i] - expected[i]) <= tolerance, $"{what}: number {i} is {actual[i]}, expected {expected[i]}");
    }
}
