using Iba.Engine.Backends;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Tests.Devices;
using Tests.Textbook;
using Xunit;

namespace Tests.Training;

public abstract class OptimizerTests(Device on)
{
    // More elements than a register has, and not a multiple.
    private const int Count = 37, Steps = 25;

    /// <summary>Each step rounds a few times to 2^-24, and 25 steps add up to less than 25 x 4 x 6e-8.</summary>
    private const double Tolerance = 6e-6;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.9, 0)]
    [InlineData(0.9, 0.05)]
    public void Sgd_takes_the_textbooks_steps(double momentum, double decay)
    {
        IBackend backend = on.Backend;
        var textbook = new SgdTextbook(Count, 0.1, momentum, decay);
        Follow(backend, p => new Sgd(backend, new SgdSettings(0.1, momentum, decay), p), textbook.Step);
    }

    [Fact]
    public void Adam_takes_the_textbooks_steps()
    {
        IBackend backend = on.Backend;
        var textbook = new AdamTextbook(Count, 0.1);
        Follow(backend, p => new Adam(backend, new AdamSettings(0.1), p), textbook.Step);
    }

    [Fact]
    public void A_changed_learning_rate_acts_on_the_next_step()
    {
        IBackend backend = on.Backend;
        Tensor p = backend.Allocate(new Shape(1)), g = backend.Allocate(new Shape(1));
        backend.Fill(g, 1);
        using Optimizer sgd = new Sgd(backend, new SgdSettings(1, Momentum: 0), p), adam = new Adam(backend, new AdamSettings(1), p);
        foreach (Optimizer optimizer in (Optimizer[])[sgd, adam])
        {
            backend.Fill(p, 0);
            optimizer.LearningRate = 0.25;
            optimizer.Step(g);
            Assert.Equal(-0.25f, backend.Read(p)[0], 1e-6f);
        }
    }

    [Fact]
    public void Settings_out_of_range_are_refused_by_name()
    {
        IBackend backend = on.Backend;
        Tensor p = backend.Allocate(new Shape(1));
        AdamSettings adam = new(1);
        SgdSettings sgd = new(1);
        foreach ((string name, Action use) in ((string, Action)[])[
            .. ((double[])[double.NaN, -1, double.PositiveInfinity, 1001]).SelectMany(bad => ((string, Action)[])[
                ("learning rate", () => _ = new Adam(backend, adam with { LearningRate = bad }, p)),
                ("beta1", () => _ = new Adam(backend, adam with { Beta1 = bad }, p)),
                ("beta2", () => _ = new Adam(backend, adam with { Beta2 = bad }, p)),
                ("epsilon", () => _ = new Adam(backend, adam with { Epsilon = bad }, p)),
                ("learning rate", () => _ = new Sgd(backend, sgd with { LearningRate = bad }, p)),
                ("momentum", () => _ = new Sgd(backend, sgd with { Momentum = bad }, p)),
                ("weight decay", () => _ = new Sgd(backend, sgd with { WeightDecay = bad }, p)),
                ("learning rate", () => new CosineSchedule(bad, 0, 9).Check())]),
            ("warm-up", () => new CosineSchedule(1, 10, 9).Check()), ("warm-up", () => new CosineSchedule(1, -1, 9).Check()),
            ("steps", () => new CosineSchedule(1, 0, -1).Check())])
        {
            Assert.Contains($"{name} is ", Assert.Throws<ArgumentException>(use).Message);
        }
        using var steps = new Adam(backend, adam, p);
        Assert.Throws<ArgumentException>(() => steps.LearningRate = double.NaN);
        Assert.Equal(1, steps.LearningRate);
    }

    private static void Follow(IBackend backend, Func<Tensor, Optimizer> make, Action<double[], double[]> textbook)
    {
        var random = new Random(1);
        double[] expected = [.. Enumerable.Range(0, Count).Select(_ => random.NextDouble() - 0.5)];
        Tensor p = backend.Allocate(new Shape(Count)), g = backend.Allocate(new Shape(Count));
        backend.Upload([.. expected.Select(x => (float)x)], p);
        using Optimizer optimizer = make(p);
        for (int step = 0; step < Steps; step++)
        {
            float[] gradient = [.. Enumerable.Range(0, Count).Select(_ => (float)(random.NextDouble() - 0.5))];
            backend.Upload(gradient, g);
            optimizer.Step(g);
            textbook(expected, [.. gradient.Select(x => (double)x)]);
        }
        Close.InMaxNorm([.. expected.Select(x => (float)x)], backend.Read(p), Tolerance, $"parameters after {Steps} steps");
    }
}

public sealed class OptimizerTestsOnCpu(Cpu cpu) : OptimizerTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class OptimizerTestsOnCuda(Gpu gpu) : OptimizerTests(gpu);
