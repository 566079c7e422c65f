using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;
using Tests.Engine;
using Tests.Textbook;
using Xunit;

namespace Tests.Emulator;

/// <summary>Plans with wrong results are detected before they are used, and plans with right results pass.</summary>
public sealed class SpotCheckTests : IDisposable
{
    private static readonly ConvolutionCase Case = new(
        new(3, 2, 1), new(2, 9, 8, 12), 20, Bias: true, Residual: true, Relu: true, Adds: true, Gate: true, Seed: 5);

    /// <summary>Strided gradients are never one graph.</summary>
    private static readonly ConvolutionCase Unstrided = Case with { Geometry = new(3, 1, 1), X = new(2, 5, 6, 16) };

    private readonly FakeGpu _gpu = new(computes: true);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _gpu.Dispose();
        _folder.Dispose();
    }

    /// <summary>Every element in every direction, compared with the textbook.</summary>
    [Fact]
    public void A_plain_sum_is_the_textbooks() => ConvolutionCase.Any.Sample(c =>
    {
        var unit = new ConvolutionUnit(Direction.Forward, c.X.N, c.X.H, c.X.W, c.X.C, c.K, c.Geometry, Precision.Float32)
        {
            Bias = c.Bias,
            Addend = c.Residual,
            Relu = c.Relu,
        };
        Exact y = ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry);
        Check(unit, y, (Role.X, c.XNumbers), (Role.W, c.WNumbers), (Role.Bias, c.BiasNumbers), (Role.Addend, c.ResidualNumbers));

        ConvolutionUnit data = unit with { Direction = Direction.BackwardData, Bias = false, Relu = false, Addend = c.Adds, Gate = c.Gate };
        Exact dx = c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true);
        Check(data, dx, (Role.Y, c.DyNumbers), (Role.W, c.WNumbers), (Role.Addend, c.Earlier(c.X)), (Role.Gate, c.GateNumbers));

        Exact dw = c.Finished(ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry), gated: false);
        Check(data with { Direction = Direction.BackwardWeights, Gate = false }, dw, (Role.X, c.XNumbers),
            (Role.Y, c.DyNumbers), (Role.Addend, c.Earlier(c.W)));
    }, iter: 20, threads: 1);

    public static TheoryData<string, Precision> Everything => new MatrixTheoryData<string, Precision>(
        Enum.GetNames<Direction>(), Enum.GetValues<Precision>());

    [Theory]
    [MemberData(nameof(Everything))]
    public void The_fastest_engine_is_skipped_where_its_results_are_wrong(string direction, Precision precision)
    {
        // Wrong by a fifth, by part of a neighbour, and not written at all.
        FakeEngine[] wrong = [new(1) { Distort = y => 1.2 * y }, new(1) { Distort = y => y + 1 }, new(1) { WritesNothing = true }];
        foreach (FakeEngine engine in wrong)
        {
            _gpu.Cudnn.Engines.Clear();
            _gpu.Cudnn.Engines.AddRange([engine, new FakeEngine(2)]);
            float[] times = [10, 20];
            int measured = 0;
            _gpu.Driver.Elapsed = () => times[measured++];
            using CudaBackend backend = _gpu.Open(precision);
            using var numbers = new TestTensors(backend);
            (float[] actual, Exact expected) = Run(Enum.Parse<Direction>(direction), numbers, Case);
            PlanChoice choice = Assert.Single(backend.Choices);
            Route route = direction == nameof(Direction.BackwardData) ? Route.Single : Route.Fused;
            Assert.Equal((route, "engine 2", 2f), (choice.Route, choice.Engine, choice.Milliseconds));
            Assert.Contains(choice.Rejected, line => line.StartsWith("engine 1: its numbers are wrong: element ", StringComparison.Ordinal));
            Assert.Contains("numbers are right to", choice.Check);
            double tolerance = (precision == Precision.BFloat16 ? 2e-2 : 1e-5) * expected.Numbers.Max(Math.Abs);
            Assert.All(actual.Index(), each => Assert.Equal(expected[each.Index], each.Item, tolerance));
        }
    }

    /// <summary>The loop adds to a gradient where it lies, so that is how an engine must be right.</summary>
    [Theory]
    [InlineData(nameof(Direction.BackwardData), Precision.TensorFloat32)]
    [InlineData(nameof(Direction.BackwardData), Precision.BFloat16)]
    [InlineData(nameof(Direction.BackwardWeights), Precision.Float32)]
    public void An_engine_that_is_right_only_apart_from_its_addend_is_skipped(string direction, Precision precision)
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.Cudnn.Engines.AddRange([new FakeEngine(1) { BreaksInPlace = true }, new FakeEngine(2)]);
        float[] times = [10, 20];
        int measured = 0;
        _gpu.Driver.Elapsed = () => times[measured++];
        using CudaBackend backend = _gpu.Open(precision);
        using var numbers = new TestTensors(backend);
        (float[] actual, Exact expected) = Run(Enum.Parse<Direction>(direction), numbers, Unstrided);
        PlanChoice choice = Assert.Single(backend.Choices);
        Assert.Equal((Route.Fused, "engine 2"), (choice.Route, choice.Engine));
        Assert.Contains(choice.Rejected, line => line.StartsWith("engine 1: its numbers are wrong: element ", StringComparison.Ordinal));
        double tolerance = (precision == Precision.BFloat16 ? 2e-2 : 1e-5) * expected.Numbers.Max(Math.Abs);
        Assert.All(actual.Index(), each => Assert.Equal(expected[each.Index], each.Item, tolerance));
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_product_that_is_right_only_apart_from_its_addend_is_skipped(Precision precision)
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.CublasLt.Execute = product =>
        {
            if (product.Beta == 0 || product.Pointers[2] != product.Pointers[3])
                FakeArithmetic.Compute(product);
        };
        using CudaBackend backend = _gpu.Open(precision);
        using var numbers = new TestTensors(backend);
        ConvolutionCase pointwise = Unstrided with { Geometry = new ConvGeometry(1) };
        pointwise.BackwardData(numbers);
        PlanChoice choice = Assert.Single(backend.Choices);
        Assert.Equal(Route.OwnKernel, choice.Route);
        Assert.Contains(choice.Rejected, line => line.StartsWith("cuBLASLt: its numbers are wrong", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void Where_every_engine_and_the_product_are_wrong_the_projects_kernel_computes(Precision precision)
    {
        _gpu.Cudnn.Engines[0] = new FakeEngine(1) { Distort = y => 2 * y };
        _gpu.CublasLt.Execute = _ => { };
        using CudaBackend backend = _gpu.Open(precision);
        using var numbers = new TestTensors(backend);
        ConvolutionCase pointwise = Case with { Geometry = new ConvGeometry(1), Relu = false };
        pointwise.Forward(numbers);
        PlanChoice choice = Assert.Single(backend.Choices);
        Assert.Equal(Route.OwnKernel, choice.Route);
        Assert.Contains(choice.Rejected, line => line.StartsWith("cuBLASLt: its numbers are wrong", StringComparison.Ordinal));
    }

    [Fact]
    public void A_linear_layer_whose_product_is_wrong_runs_on_the_projects_kernel()
    {
        _gpu.CublasLt.Execute = _ => { };
        using CudaBackend backend = _gpu.Open();
        Tensor x = backend.Allocate(new(2, 5)), w = backend.Allocate(new(3, 5)), y = backend.Allocate(new(2, 3));
        backend.Fill(x, 1f);
        backend.Fill(w, 2f);
        backend.Linear(x, w, null, false, y);
        var numbers = new float[6];
        backend.Download(y, numbers);
        Assert.All(numbers, number => Assert.Equal(10f, number));
        Assert.Equal(Route.OwnKernel, Assert.Single(backend.Choices).Route);
    }

    [Fact]
    public void A_saved_choice_is_not_checked_again_and_a_wrong_one_is_not_saved()
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.Cudnn.Engines.AddRange([new FakeEngine(1) { Distort = y => -y }, new FakeEngine(2)]);
        foreach (string? check in (string?[])["numbers are right", null])
        {
            using CudaBackend backend = _gpu.Open(cache: _folder[""]);
            using var numbers = new TestTensors(backend);
            _gpu.Cudnn.Executed.Clear();
            Case.Forward(numbers);
            PlanChoice choice = Assert.Single(backend.Choices);
            Assert.Equal("engine 2", choice.Engine);
            Assert.Equal(check is null, choice.Check is null);
            Assert.Equal(check is null, _gpu.Cudnn.Executed.Count == 1);
        }
    }

    [Fact]
    public void A_check_with_zero_operands_proves_nothing_and_its_choice_is_not_saved()
    {
        using CudaBackend backend = _gpu.Open(cache: _folder[""]);
        Tensor x = backend.Allocate(new(1, 4, 4, 4)), w = backend.Allocate(new(4, 3, 3, 4));
        backend.Convolution(x, w, null, null, false, new ConvGeometry(3, 1, 1), backend.Allocate(new(1, 4, 4, 4)));
        Assert.Contains("not checked", Assert.Single(backend.Choices).Check);
        Assert.DoesNotContain(_folder.Files, file => file.Contains("plans"));
    }

    [Fact]
    public void A_plan_whose_workspace_does_not_fit_is_skipped_and_without_another_plan_memory_is_full()
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.Cudnn.Engines.AddRange([new FakeEngine(1) { Workspace = 200 << 20 }, new FakeEngine(2)]);
        _gpu.Driver.TotalBytes = (nuint)100 << 20;
        using CudaBackend backend = _gpu.Open();
        using var numbers = new TestTensors(backend);
        Case.Forward(numbers);
        PlanChoice choice = Assert.Single(backend.Choices);
        Assert.Equal("engine 2", choice.Engine);
        Assert.Contains(choice.Rejected, line => line.Contains("engine 1") && line.Contains("200.0 MiB"));

        _gpu.Cudnn.Engines.RemoveAt(1);
        using CudaBackend other = _gpu.Open();
        using var others = new TestTensors(other);
        Assert.Contains("200.0 MiB", Assert.Throws<DeviceMemoryException>(() => Case.Forward(others)).Message);
        Assert.Empty(other.Choices);
    }

    private static (float[] Actual, Exact Expected) Run(Direction direction, TestTensors numbers, ConvolutionCase c) => direction switch
    {
        Direction.Forward => (c.Forward(numbers),
            ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry)),
        Direction.BackwardData => (c.BackwardData(numbers),
            c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true)),
        _ => (c.BackwardWeights(numbers),
            c.Finished(ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry), gated: false)),
    };

    /// <summary>Arrays replace tensors: a sum reads the operand of a role from its array.</summary>
    private static void Check(ConvolutionUnit unit, Exact expected, params (Role Role, Exact? Numbers)[] operands)
    {
        var tensors = Enum.GetValues<Role>().ToDictionary(role => role, _ => new Tensor(new Shape(1), new Nowhere()));
        var numbers = operands.Where(each => each.Numbers is not null).ToDictionary(each => tensors[each.Role], each => each.Numbers!);
        var sum = new PlainSum(
            unit, new Operands(tensors[Role.X], tensors[Role.W], tensors[Role.Y], tensors[Role.Bias], tensors[Role.Addend], tensors[Role.Gate]),
            (tensor, first, count) => [.. numbers[tensor].Numbers.AsSpan((int)first, count).ToArray().Select(number => (float)number)]);
        for (int place = 0; place < expected.Shape.Count; place++)
        {
            (double value, double size) = sum.At(place);
            Assert.True(Math.Abs(value - expected[place]) <= 1e-5 * (size + 1), $"{unit}: number {place} is {value}, expected {expected[place]}");
        }
    }

    private sealed class Nowhere : IStorage
    {
        public long Count => 1;

        public void Dispose()
        {
        }
    }
}
