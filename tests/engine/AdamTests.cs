using Iba.Engine.Backends;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>Adam and the history of losses.</summary>
public abstract class AdamTests(Device on)
{
    private readonly IBackend _backend = on.Backend;

    /// <summary>Each step rounds p at 2^-24 of its size, |p| below 4 here, and m / sqrt(v) at a few 2^-24.</summary>
    [Fact]
    public void Parameters_follow_the_textbook_over_a_hundred_steps()
    {
        const int Count = 77, Steps = 100;
        var random = new Random(5);
        double[] expected = [.. Enumerable.Range(0, Count).Select(_ => (double)random.NextSingle())];
        var textbook = new AdamTextbook(Count, 0.01, 0.8, 0.97, 1e-3);
        Tensor p = _backend.Allocate(new Shape(Count)), dp = _backend.Allocate(p.Shape);
        _backend.Upload([.. expected.Select(x => (float)x)], p);
        using var adam = new Adam(_backend, new AdamSettings(0.01, 0.8, 0.97, 1e-3), p);
        for (int step = 0; step < Steps; step++)
        {
            float[] gradient = [.. Enumerable.Range(0, Count).Select(_ => random.NextSingle() - 0.3f)];
            textbook.Step(expected, [.. gradient.Select(g => (double)g)]);
            _backend.Upload(gradient, dp);
            adam.Step(dp);
        }
        float[] numbers = _backend.Read(p);
        for (int i = 0; i < Count; i++)
            Assert.Equal(expected[i], numbers[i], Steps * 3e-7);
    }

    [Fact]
    public void A_reset_optimizer_starts_over()
    {
        Tensor p = _backend.Allocate(new Shape(3)), dp = _backend.Allocate(p.Shape);
        using var adam = new Adam(_backend, new AdamSettings(0.5), p);
        float[] First()
        {
            _backend.Fill(p, 1);
            _backend.Upload([1, -2, 0.25f], dp);
            adam.Reset();
            adam.Step(dp);
            return _backend.Read(p);
        }

        float[] first = First();
        adam.Step(dp);
        Assert.Equal(first, First());
    }

    [Fact]
    public void History_keeps_one_row_per_step()
    {
        Tensor x = _backend.Allocate(new Shape(2)), step = _backend.Allocate(new Shape(1)), history = _backend.Allocate(new Shape(3, 2));
        for (int i = 0; i < 3; i++)
        {
            _backend.Fill(x, i + 1);
            _backend.Append(x, step, history);
            _backend.Advance(step);
        }
        Assert.Equal([1, 1, 2, 2, 3, 3], _backend.Read(history));
    }
}

public sealed class AdamTestsOnCpu(Cpu cpu) : AdamTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class AdamTestsOnCuda(Gpu gpu) : AdamTests(gpu);
