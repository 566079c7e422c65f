using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;
using Tests.Engine;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// Convolutions on every route. The libraries' fakes compute exactly what was described to them, so that a wrong extent, stride,
/// transposition, epilogue or order of operations gives a wrong result.
/// </summary>
public sealed class CudaConvolutionTests : IDisposable
{
    private const int Cases = 8;

    /// <summary>The kernel itself is tested by <see cref="ConvolutionTestsOnOwnKernels"/>.</summary>
    private const int OwnKernelCases = 2;

    /// <summary>Of every direction one graph.</summary>
    private static readonly ConvolutionCase Fusible = new(
        new(3, 1, 1), new(2, 5, 6, 16), 24, Bias: true, Residual: true, Relu: true, Adds: true, Gate: true, Seed: 5);

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
    public void Convolutions_are_the_textbooks(string route, Precision precision) => Sample(route, Open(route, precision).Values);

    [Theory]
    [MemberData(nameof(Routes))]
    public void Gradients_of_the_data_are_the_textbooks(string route, Precision precision) => Sample(route, Open(route, precision).DataGradient);

    [Theory]
    [MemberData(nameof(Routes))]
    public void Gradients_of_the_weights_are_the_textbooks(string route, Precision precision) => Sample(route, Open(route, precision).WeightGradient);

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
            // Outside the captured loop, of which only the launch is seen.
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Linear_layers_are_cublasLts_where_it_is_there(bool isThere)
    {
        using var gpu = new FakeGpu(cublasLt: isThere, computes: true);
        using CudaBackend backend = gpu.Open(Precision.Float32);
        using var numbers = new TestTensors(backend);
        Tensor x = numbers.Random(new(2, 5)), w = numbers.Random(new(3, 5)), dy = numbers.Random(new(2, 3));
        backend.Linear(x, w, null, relu: false, numbers.Empty(dy.Shape));
        backend.LinearBackwardData(dy, w, new Accumulator(numbers.Empty(x.Shape), Adds: false));
        backend.LinearBackwardWeights(x, dy, new Accumulator(numbers.Empty(w.Shape), Adds: false));
        Assert.Equal(3, backend.Choices.Count);
        Assert.All(backend.Choices, choice => Assert.Equal(isThere ? Route.Product : Route.OwnKernel, choice.Route));
    }

    private float Read(Tensor tensor) => _backend!.Read(tensor)[0];

    private ConvolutionChecks Open(string route, Precision precision)
    {
        _gpu = new FakeGpu(cudnn: route is not ("product" or "own kernel"), cublasLt: route is not "own kernel", computes: true);
        if (route == "single")
            _gpu.Cudnn.Engines[0] = new FakeEngine(7) { MostOperations = 1 };
        if (route == "fused after timing")
            _gpu.Cudnn.Engines.AddRange([new FakeEngine(2) { Workspace = 1000 }, new FakeEngine(3)]);
        _backend = _gpu.Open(precision);
        return new ConvolutionChecks(_backend, precision == Precision.BFloat16 ? ConvolutionChecks.BFloat16 : ConvolutionChecks.Float32);
    }

    private void Sample(string route, Action<ConvolutionCase> check)
    {
        Gen<ConvolutionCase> any = route == "product" ? ConvolutionCase.Any.Select(c => c with { Geometry = new ConvGeometry(1) }) : ConvolutionCase.Any;
        if (route.StartsWith("fused", StringComparison.Ordinal))
            check(Fusible);
        any.Sample(check, iter: route == "own kernel" ? OwnKernelCases : Cases, threads: 1);
        Route expected = route switch { "single" => Route.Single, "product" => Route.Product, "own kernel" => Route.OwnKernel, _ => Route.Fused };
        // A unit without bias, residual and ReLU needs no second step, and a strided gradient, or one of a few channels in bfloat16, always one.
        Assert.Contains(_backend!.Choices, choice => choice.Route == expected);
        Assert.All(_backend.Choices, choice => Assert.True(
            choice.Route == expected || (route == "single" && choice.Route == Route.Fused)
                || (expected == Route.Fused && choice.Route == Route.Single && choice.Unit.StartsWith("data gradient", StringComparison.Ordinal)),
            $"{choice.Unit}: {choice.Route}"));
        Assert.Empty(_gpu!.Cudnn.Misuse);
    }
}
