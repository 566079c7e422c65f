using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Xunit;

namespace Tests.Networks;

/// <summary>Activations and gradients of both golden networks against PyTorch.</summary>
public abstract class ExpectedTests(Device on)
{
    /// <summary>float32 against float32 of another order of summation, through up to 50 layers: PyTorch itself is within 1e-6 of float64.</summary>
    private readonly double _activation = 1e-5 * on.Widening, _gradient = 1e-4 * on.Widening;

    /// <summary>
    /// In parts and fused: a line's gradient is that of its value, which is after a fused unit's ReLU. Values inside a fused unit have no
    /// line, and asking for it says how to get one.
    /// </summary>
    [Theory]
    [InlineData("resnet50-narrow", false)]
    [InlineData("resnet50-narrow", true)]
    [InlineData("vgg16-narrow", false)]
    [InlineData("vgg16-narrow", true, "features.17", "classifier.0", "classifier.3")]
    public void Every_activation_and_gradient_is_PyTorchs(string name, bool fused, params string[] inside)
    {
        GoldenFile golden = Golden.Open($"{name}.expected.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        using var run = new Run(narrow, golden, fused);
        run.CheckLogits(_activation);
        Close.InMaxNorm(golden.NHWC("grad.input"), run.Read(run.Gradients[run.Input]), _gradient, "grad.input");
        foreach (string module in Modules(golden).Except(inside))
        {
            Value line = run.Tape[narrow.Network.Resolve(module)];
            Close.InMaxNorm(Expected(golden, $"act.{module}"), run.Read(line.Data), _activation, $"act.{module}");
            Close.InMaxNorm(Expected(golden, $"grad.{module}"), run.Read(run.Gradients[line]), _gradient, $"grad.{module}");
        }
        Assert.All(inside, module => Assert.Contains("fused: false", Assert.Throws<KeyNotFoundException>(() => run.Tape[module]).Message));
    }

    /// <summary>Every line, not only those with recorded values of PyTorch.</summary>
    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void A_name_stands_for_the_same_value_and_gradient_fused_and_in_parts(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.expected.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        using Run parts = new(narrow, golden, fused: false), fused = new(narrow, golden, fused: true);
        foreach (Value line in fused.Tape.Where(line => line.WantsGradient))
        {
            Value same = parts.Tape[line.Name];
            Close.InMaxNorm(parts.Read(same.Data), fused.Read(line.Data), _activation, line.Name);
            Close.InMaxNorm(parts.Read(parts.Gradients[same]), fused.Read(fused.Gradients[line]), _gradient, $"gradient of {line.Name}");
        }
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void A_planned_tape_reuses_memory_and_changes_nothing(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.expected.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        using var kept = new Run(narrow, golden, fused: true);
        using var planned = new Run(narrow, golden, fused: true, plan: true);
        planned.CheckLogits(_activation);
        Close.InMaxNorm(golden.NHWC("grad.input"), planned.Read(planned.Gradients[planned.Input]), _gradient, "grad.input, planned tape");
        Assert.True(planned.Tape.ArenaCount < kept.Tape.ArenaCount / 2,
            $"a plan should need less than half the memory: {planned.Tape.ArenaCount} of {kept.Tape.ArenaCount} numbers");
    }

    [Theory, MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void The_two_halves_of_a_network_make_the_whole(string name)
    {
        GoldenFile golden = Golden.Open($"{name}.expected.safetensors");
        using NarrowNetwork narrow = NarrowNetwork.Open(name, on);
        float[] input = golden.NHWC("input");
        int[] nchw = golden.Shape("input");
        var shape = new Shape(nchw[0], nchw[2], nchw[3], nchw[1]);
        foreach (string module in narrow.Network.Layers.Select(layer => layer.Name).SkipLast(1))
        {
            using var until = new Inference(narrow.Network.Until(module), shape);
            float[] middle = until.Run(input);
            using var after = new Inference(narrow.Network.After(module), until.Output.Shape);
            Close.InMaxNorm(golden.Floats("logits"), after.Run(middle), _activation, $"logits, cut at {module}");
        }
    }

    private static float[] Expected(GoldenFile golden, string field) =>
        golden.Shape(field).Length == 4 ? golden.NHWC(field) : golden.Floats(field);

    private static IEnumerable<string> Modules(GoldenFile golden) =>
        golden.Fields.Where(field => field.StartsWith("act.", StringComparison.Ordinal)).Select(field => field[4..]);

    /// <summary>The network and the loss's gradient on a tape, for the golden input.</summary>
    private sealed class Run : IDisposable
    {
        private readonly GoldenFile _golden;
        private readonly IBackend _backend;
        private readonly Value _logits;
        private readonly Value _loss;

        public Run(NarrowNetwork narrow, GoldenFile golden, bool fused, bool plan = false)
        {
            (_golden, _backend) = (golden, narrow.Backend);
            Tape = new Tape(_backend);
            int[] nchw = golden.Shape("input");
            Input = Tape.Variable(Place(golden.NHWC("input"), new Shape(nchw[0], nchw[2], nchw[3], nchw[1])), "input");
            float[] targets = [.. golden.Longs("target").Select(target => (float)target)];
            _logits = narrow.Network.Record(Input, fused);
            _loss = _logits.CrossEntropy(Tape.Constant(Place(targets, new Shape(targets.Length)), "target")).Mean();
            if (plan)
                Tape.Plan(_loss, _logits);
            Tape.Forward();
            Gradients = Tape.Backward(_loss);
        }

        public Tape Tape { get; }
        public Value Input { get; }
        public Gradients Gradients { get; }

        public void CheckLogits(double tolerance)
        {
            Close.InMaxNorm(_golden.Floats("logits"), Read(_logits.Data), tolerance, "logits");
            Close.InMaxNorm([(float)_golden.Scalar("loss")], Read(_loss.Data), tolerance, "loss");
        }

        public float[] Read(Tensor tensor) => _backend.Read(tensor);

        public void Dispose() => Tape.Dispose();

        private Tensor Place(float[] numbers, Shape shape)
        {
            Tensor tensor = _backend.Allocate(shape);
            _backend.Upload(numbers, tensor);
            return tensor;
        }
    }
}

public sealed class ExpectedTestsOnCpu(Cpu cpu) : ExpectedTests(cpu), IClassFixture<Cpu>;

public sealed class ExpectedTestsWithWinograd(WinogradCpu cpu) : ExpectedTests(cpu), IClassFixture<WinogradCpu>;

[Collection(nameof(Gpu))]
public sealed class ExpectedTestsOnCuda(Gpu gpu) : ExpectedTests(gpu);
