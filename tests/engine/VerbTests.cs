using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Xunit;

namespace Tests.Engine;

/// <summary>Verbs beyond the textbook's formulas: borders, ties, limits.</summary>
public abstract class VerbTests(Device on) : TestsOnDevice(on)
{
    private readonly IBackend _backend = on.Backend;

    [Fact]
    public void Of_equal_numbers_the_first_in_the_window_gets_the_gradient()
    {
        Shape image = new(1, 3, 3, 1), pooled = new(1, 2, 2, 1);
        Tensor x = _backend.Tensor(image, 1, 1, 0, 1, 1, 0, 0, 0, 0), y = _backend.Allocate(pooled), dx = _backend.Allocate(image);
        var geometry = new ConvGeometry(2);
        _backend.MaxPool(x, geometry, y);
        _backend.MaxPoolBackward(x, y, _backend.Tensor(pooled, 1, 10, 100, 1000), geometry, new Accumulator(dx, Adds: false));
        Assert.Equal([1, 1], _backend.Read(y)[..2]);
        Assert.Equal([1, 10, 0, 100, 1000, 0, 0, 0, 0], _backend.Read(dx));
    }

    [Fact]
    public void Padding_never_wins_a_window()
    {
        Tensor x = _backend.Tensor(new Shape(1, 2, 2, 1), -4, -3, -2, -1), y = _backend.Allocate(new Shape(1, 2, 2, 1));
        _backend.MaxPool(x, new ConvGeometry(2, 2, 1), y);
        Assert.Equal([-4, -3, -2, -1], _backend.Read(y));
    }

    [Fact]
    public void A_gate_is_shut_where_the_output_is_at_most_zero()
    {
        Tensor y = _backend.Tensor(new Shape(5), 1, 0, -1, float.NaN, 1e-30f), dy = _backend.Tensor(new Shape(5), 2, 3, 4, 5, 6);
        _backend.Gate(y, dy);
        Assert.Equal([2, 0, 0, 5, 6], _backend.Read(dy));
    }

    [Fact]
    public void Every_image_is_standardised_by_the_same_statistics()
    {
        Tensor x = _backend.Tensor(new Shape(2, 1, 1, 3), 1, 2, 3, 4, 5, 6), y = _backend.Allocate(x.Shape);
        var one = new Shape(1, 1, 1, 3);
        _backend.Standardise(x, _backend.Tensor(one, 1, 0, 2), _backend.Tensor(one, 1, 2, 4), y);
        Assert.Equal([0, 1, 0.25f, 3, 2.5f, 1], _backend.Read(y));
    }

    /// <summary>The weights sum to 1 within 2^-24 each.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    public void Blur_of_a_constant_mask_stays_constant(double σ)
    {
        float[] taps = GaussianTaps.Of(σ);
        Tensor x = _backend.Allocate(new Shape(2, 9, 7, 5)), y = _backend.Allocate(x.Shape);
        _backend.Fill(x, 0.75f);
        _backend.Blur(x, _backend.Tensor(new Shape(taps.Length), taps), y);
        Assert.All(_backend.Read(y), number => Assert.Equal(0.75f, number, 1e-6));
    }

    /// <summary>⟨blur a, b⟩ = ⟨a, blurᵀ b⟩: the definition, at the size of a real mask. Each side is a sum of 50176 rounded products.</summary>
    [Fact]
    public void The_gradient_of_a_blur_is_its_adjoint()
    {
        var random = new Random(1);
        var shape = new Shape(1, 28, 28, 64);
        Tensor Noise() => _backend.Tensor(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextSingle())]);
        Tensor a = Noise(), b = Noise(), blurred = _backend.Allocate(shape), adjoint = _backend.Allocate(shape);
        Tensor taps = _backend.Tensor(new Shape(5), GaussianTaps.Of(1));
        _backend.Blur(a, taps, blurred);
        _backend.BlurBackward(b, taps, new Accumulator(adjoint, Adds: false));
        double left = Dot(blurred, b), right = Dot(a, adjoint);
        Assert.Equal(left, right, 1e-6 * left);
    }

    /// <summary>1 - λ counts as 2^-24 there: (r² + 2^-48 - 1) / 2 + 24 ln 2.</summary>
    [Fact]
    public void A_neuron_with_lambda_1_has_finite_information_and_gradient()
    {
        var shape = new Shape(1, 1, 1, 1);
        Tensor r = _backend.Tensor(shape, 3), λ = _backend.Tensor(shape, 1), on = _backend.Tensor(shape, 1);
        Tensor y = _backend.Allocate(shape), dλ = _backend.Allocate(shape);
        _backend.Information(r, λ, on, y);
        _backend.InformationBackward(r, λ, on, on, new Accumulator(dλ, Adds: false));
        Assert.Equal(4 + 24 * Math.Log(2), _backend.Read(y)[0], 1e-5);
        Assert.Equal(16777216 + 9, _backend.Read(dλ)[0], 4.0);
    }

    [Fact]
    public void A_mask_of_ones_passes_the_features_untouched()
    {
        var shape = new Shape(1, 3, 3, 5);
        float[] x = [.. Enumerable.Range(0, shape.Count).Select(i => i / 7f - 2)];
        Tensor ones = _backend.Allocate(shape), z = _backend.Allocate(shape.WithN(4));
        _backend.Fill(ones, 1);
        var noise = new Noise(5, _backend.Allocate(new Shape(1)), _backend.Allocate(new Shape(1)));
        _backend.Restrict(_backend.Tensor(shape, x), ones, ones, ones, ones, noise, clamp: false, z);
        Assert.Equal([.. x, .. x, .. x, .. x], _backend.Read(z));
    }

    /// <summary>In float32 a running sum of that many equal terms would be wrong in the third digit.</summary>
    [Fact]
    public void A_sum_of_a_million_numbers_is_a_double_sum()
    {
        Tensor x = _backend.Allocate(new Shape(1_000_003)), y = _backend.Allocate(new Shape(1));
        _backend.Fill(x, 0.1f);
        _backend.Sum(x, 2f, y);
        Assert.Equal((float)(2.0 * 0.1f * 1_000_003), _backend.Read(y)[0]);
    }

    /// <summary>A GPU sums rows of up to 2048 elements in one stage, and longer ones in two.</summary>
    [Theory]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(20_011)]
    public void A_rows_sum_does_not_depend_on_the_other_rows(int length)
    {
        var random = new Random(2);
        float[] x = [.. Enumerable.Range(0, 3 * length).Select(_ => random.NextSingle() - 0.4f)];
        Tensor all = _backend.Allocate(new Shape(3)), alone = _backend.Allocate(new Shape(1));
        _backend.Sum(_backend.Tensor(new Shape(3, length), x), 1, all);
        for (int row = 0; row < 3; row++)
        {
            _backend.Sum(_backend.Tensor(new Shape(1, length), x[(row * length)..((row + 1) * length)]), 1, alone);
            Assert.Equal(_backend.Read(all)[row], _backend.Read(alone)[0]);
        }
    }

    private double Dot(Tensor a, Tensor b) => _backend.Read(a).Zip(_backend.Read(b), (x, y) => (double)x * y).Sum();
}

public sealed class VerbTestsOnCpu(Cpu cpu) : VerbTests(cpu), IClassFixture<Cpu>;

public sealed class VerbTestsOnEmulatedCuda() : VerbTests(new EmulatedGpu());

[Collection(nameof(Gpu))]
public sealed class VerbTestsOnCuda(Gpu gpu) : VerbTests(gpu);
