using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Networks;
using Xunit;

namespace Tests.Engine;

/// <summary>The gradient path as data: against PyTorch on the golden networks, and with faults that were put there.</summary>
public abstract class GradientPathTests(Device on)
{
    /// <summary>Norms of up to 18432 numbers, each within the rounding of 50 layers (<see cref="ExpectedTests"/>): their errors average out.</summary>
    private readonly double _norm = 1e-5 * on.Widening;

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Norms_of_activations_and_gradients_are_PyTorchs(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.expected.safetensors");
        using var run = new Run(name, on, golden);
        string[] modules = [.. golden.Fields.Where(field => field.StartsWith("act.", StringComparison.Ordinal)).Select(field => field[4..])];
        string[] layers = ["input", .. modules.Select(run.Network.Resolve)];
        var path = GradientPath.Of(run.Tape, run.Loss, new GradientPathSettings { Repeats = 1, MeasuresPeak = false, Layers = layers });

        Close(Norm(golden.Floats("grad.input")), path.Layers[0].Norm, "grad.input");
        foreach ((int i, string module) in modules.Index())
        {
            PathLine line = path[layers[i + 1]];
            float[] activation = golden.Floats($"act.{module}"), gradient = golden.Floats($"grad.{module}");
            Close(Norm(activation), line.Activation!.Norm, $"act.{module}");
            Close(Norm(gradient), line.Gradient!.Norm, $"grad.{module}");
            Close(activation.Max(Math.Abs), line.Activation.Largest, $"largest of act.{module}");
            Assert.Equal(activation.Average(x => (double)x), line.Activation.Mean, _norm * line.Activation.Largest);
            Assert.Equal(0, line.Activation.NonFinite);
            Close(Norm(golden.Floats(i == 0 ? "grad.input" : $"grad.{modules[i - 1]}")) / Norm(gradient), path.Layers[i + 1].Passed, $"passed by {module}");
        }
        Assert.Equal(path.Layers.Skip(1).MinBy(layer => layer.Passed), path.LargestLoss);
        Assert.Null(path.FirstNonFinite);

        void Close(double expected, double? actual, string what) =>
            Assert.True(Math.Abs(expected - actual!.Value) <= _norm * expected, $"{what}: {actual} instead of {expected}");
    }

    [Fact]
    public void Every_line_has_its_times_bytes_and_code()
    {
        using var run = new Run("resnet50-narrow", on);
        var path = GradientPath.Of(run.Tape, run.Loss, new GradientPathSettings { Repeats = 2 });
        foreach (PathLine line in path.Lines.Where(line => line.Op is not null))
        {
            Assert.True(line.ForwardMilliseconds > 0 && line.ForwardShareOfPeak > 0 && line.ForwardBytes > 0 && line.ForwardCode is not null, $"{line}");
            Assert.True(line.BackwardMilliseconds > 0 && line.BackwardShareOfPeak > 0 && line.BackwardBytes > 0 && line.BackwardCode is not null, $"{line}");
        }
        PathLine convolution = path["layer1.0.bn2"];
        Assert.StartsWith("Convolution { 3x3", convolution.Op, StringComparison.Ordinal);
        // Forward x (24 x 24 x 8), w (8 x 3 x 3 x 8), b (8) and y; backward dy, w and dx.
        Assert.Equal(4 * (2 * 24 * 24 * 8 * 2 + 8 * 9 * 8 + 8), convolution.ForwardBytes);
        Assert.Equal(4 * (2 * 24 * 24 * 8 * 2 + 8 * 9 * 8), convolution.BackwardBytes);
        Assert.True(path.Times is { Plain: > 0, Recorded: > 0, Statistics: > 0, PeakGigabytes: > 0 }, $"{path.Times}");
    }

    [Fact]
    public void A_weight_that_is_NaN_is_found_at_its_line_and_named()
    {
        using var run = new Run("resnet50-narrow", on);
        run.Change("layer2.0.conv2.weight", weights => weights[7] = float.NaN);
        NonFiniteLine found = run.Found();
        Assert.Equal(("layer2.0.bn2", false), (found.Name, found.IsBackward));
        Assert.Equal("layer2.0.conv2.weight", Assert.Single(found.Causes).Name);
        var check = new FiniteCheck();
        run.Tape.Watch = check;
        Assert.Contains("because of layer2.0.conv2.weight", Assert.Throws<NonFiniteLineException>(run.Tape.Forward).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_scaled_to_overflow_is_found_though_its_inputs_are_finite()
    {
        using var run = new Run("resnet50-narrow", on);
        run.Change("layer1.1.conv1.weight", weights => Scale(weights, 1e25f));
        run.Change("layer1.1.conv2.weight", weights => Scale(weights, 1e25f));
        NonFiniteLine found = run.Found();
        Assert.Equal(("layer1.1.bn2", false), (found.Name, found.IsBackward));
        Assert.Empty(found.Causes);
        Assert.Contains("too large for float32", $"{found}", StringComparison.Ordinal);
    }

    /// <summary>1e30 passes linear lines; the first whose sum exceeds 3e38 is the one. With weights near 1 that takes several layers.</summary>
    [Fact]
    public void An_input_of_1e30_is_followed_to_the_line_that_overflows()
    {
        using var run = new Run("vgg16-narrow", on);
        run.Change("input", pixels => pixels[100] = 1e30f);
        run.Change("features.5.weight", weights => Scale(weights, 1e10f));
        NonFiniteLine found = run.Found();
        Assert.Equal(("features.5", false), (found.Name, found.IsBackward));
        Assert.Empty(found.Causes);
        Assert.Equal(0, found.Row);
        Assert.True(found.Inputs[0].Most > 1e25, $"{found}");
    }

    [Fact]
    public void An_infinite_pixel_is_named_as_the_cause()
    {
        using var run = new Run("vgg16-narrow", on);
        run.Change("input", pixels => pixels[^1] = float.PositiveInfinity);
        NonFiniteLine found = run.Found();
        Assert.Equal("features.0", found.Name);
        Assert.Equal(["input"], found.Causes.Select(cause => cause.Name));
    }

    /// <summary>The weights grow and the activations before them shrink by as much, so only gradients overflow.</summary>
    [Fact]
    public void A_gradient_that_overflows_is_found_on_the_way_back()
    {
        const float Large = 1e20f;
        using var run = new Run("vgg16-narrow", on);
        run.Change("features.0.weight", weights => Scale(weights, 1e-20f));
        run.Change("features.0.bias", weights => Scale(weights, 1e-20f));
        run.Change("features.2.weight", weights => Scale(weights, 1e-20f));
        run.Change("features.2.bias", weights => Scale(weights, 0));
        run.Change("features.5.weight", weights => Scale(weights, Large));
        run.Change("features.7.weight", weights => Scale(weights, Large));
        run.Change("features.5.bias", weights => Scale(weights, 0));
        NonFiniteLine found = run.Found();
        Assert.Equal(("features.5", true), (found.Name, found.IsBackward));
        Assert.Empty(found.Causes);
        Assert.Equal("gradient of features.5", found.Inputs[0].Name);
        run.Tape.Watch = new FiniteCheck();
        run.Tape.Forward();
        Assert.Throws<NonFiniteLineException>(() => run.Tape.Backward(run.Loss));
    }

    [Fact]
    public void A_planned_tape_can_be_checked_and_not_recorded()
    {
        using var run = new Run("vgg16-narrow", on, plan: true);
        Assert.Contains("without Plan", Assert.Throws<ArgumentException>(() => GradientPath.Of(run.Tape, run.Loss)).Message, StringComparison.Ordinal);
        run.Tape.Watch = new FiniteCheck();
        run.Tape.Forward();
        run.Tape.Backward(run.Loss);
        run.Change("features.10.weight", weights => weights[0] = float.NaN);
        Assert.Equal("features.10", Assert.Throws<NonFiniteLineException>(run.Tape.Forward).Line.Name);
    }

    [Theory]
    [InlineData("layer1.0.bn2")]
    [InlineData("layer1.0.add")]
    [InlineData("avgpool")]
    [InlineData("fc")]
    [InlineData("score")]
    public void Derivatives_agree_with_finite_differences(string line)
    {
        using var run = new Run("resnet50-narrow", on);
        run.Tape.Forward();
        foreach (DerivativeCheck check in DerivativeCheck.Of(run.Tape[line]))
            Assert.True(check.Gap < 1e-3 * on.Widening, $"{check}");
        Assert.Throws<ArgumentException>(() => DerivativeCheck.Of(run.Tape["input"]));
    }

    private static double Norm(float[] numbers) => Math.Sqrt(numbers.Sum(x => (double)x * x));

    private static void Scale(float[] numbers, float by)
    {
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] *= by;
    }

    /// <summary>A golden network and its loss on a tape, in parts; its weights may be changed.</summary>
    private sealed class Run : IDisposable
    {
        private readonly NarrowNetwork _narrow;

        public Run(string name, Device on, GoldenFile? golden = null, bool plan = false)
        {
            golden ??= Golden.Open($"{name}.expected.safetensors");
            _narrow = NarrowNetwork.Open(name, on);
            IBackend backend = on.Backend;
            int[] nchw = golden.Shape("input");
            float[] targets = [.. golden.Longs("target").Select(target => (float)target)];
            Tensor input = backend.Allocate(new Shape(nchw[0], nchw[2], nchw[3], nchw[1])), target = backend.Allocate(new Shape(targets.Length));
            backend.Upload(golden.NHWC("input"), input);
            backend.Upload(targets, target);
            Tape = new Tape(backend);
            Value logits = Network.Record(Tape.Variable(input, "input"), fused: false);
            Loss = logits.CrossEntropy(Tape.Constant(target, "target")).Mean().Named("score");
            if (plan)
                Tape.Plan(Loss, logits);
        }

        public Network Network => _narrow.Network;
        public Tape Tape { get; }
        public Value Loss { get; }

        public void Change(string leaf, Action<float[]> change)
        {
            Tensor tensor = Tape[leaf].Data;
            float[] numbers = _narrow.Backend.Read(tensor);
            change(numbers);
            _narrow.Backend.Upload(numbers, tensor);
        }

        public NonFiniteLine Found()
        {
            var path = GradientPath.Of(Tape, Loss, new GradientPathSettings { Repeats = 1, MeasuresPeak = false });
            Assert.NotNull(path.FirstNonFinite);
            return path.FirstNonFinite;
        }

        public void Dispose()
        {
            Tape.Dispose();
            _narrow.Dispose();
        }
    }
}

public sealed class GradientPathTestsOnCpu(Cpu cpu) : GradientPathTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class GradientPathTestsOnCuda(Gpu gpu) : GradientPathTests(gpu);
