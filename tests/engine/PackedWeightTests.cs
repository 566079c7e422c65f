using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>Convolutions may cache weights packed or transformed; results must not depend on that.</summary>
public abstract class PackedWeightTests(Device on)
{
    /// <summary>As for Winograd's convolutions, whose rounding is the largest; stale or wrongly packed weights give errors of about 1.</summary>
    private const double Tolerance = 2e-5;

    /// <summary>Channels in sixteens on both sides, as Winograd's convolution wants them, and more than a chunk of the direct one's reduction.</summary>
    private static readonly ConvolutionCase Case = new(new(3, 1, 1), new(1, 5, 6, 144), 208, false, false, false, false, false, 1);

    private static Exact Others => Case.Numbers(Case.W, 20);

    private readonly IBackend _backend = on.Backend;

    [Fact]
    public void Changed_weights_are_seen_at_once()
    {
        using var numbers = new TestTensors(_backend);
        Tensor w = numbers.Upload(Case.WNumbers);
        IsTheTextbooks(Case.WNumbers, w, numbers);
        _backend.Upload(Others.Floats(), w);
        IsTheTextbooks(Others, w, numbers);
    }

    [Fact]
    public void Weights_side_by_side_in_one_memory_are_kept_apart()
    {
        using var numbers = new TestTensors(_backend);
        Tensor both = numbers.Upload(new Exact(new Shape(2 * Case.W.Count), [.. Case.WNumbers.Numbers, .. Others.Numbers]));
        for (int i = 0; i < 4; i++)
            IsTheTextbooks(i % 2 == 0 ? Case.WNumbers : Others, both.View(i % 2 * Case.W.Count, Case.W), numbers);
    }

    private void IsTheTextbooks(Exact expected, Tensor w, TestTensors numbers)
    {
        Tensor y = numbers.Empty(Case.Y), dx = numbers.Empty(Case.X);
        _backend.Convolution(numbers.Upload(Case.XNumbers), w, null, null, relu: false, Case.Geometry, y);
        _backend.ConvolutionBackwardData(numbers.Upload(Case.DyNumbers), w, Case.Geometry, new(dx, Adds: false));
        Close.InMaxNorm(ConvolutionTextbook.Forward(Case.XNumbers, expected, null, null, false, Case.Geometry).Floats(),
            numbers.Download(y), Tolerance, "values");
        Close.InMaxNorm(ConvolutionTextbook.BackwardData(Case.DyNumbers, expected, Case.X, Case.Geometry).Floats(),
            numbers.Download(dx), Tolerance, "gradient");
    }
}

public sealed class PackedWeightTestsOnCpu(Cpu cpu) : PackedWeightTests(cpu), IClassFixture<Cpu>;

public sealed class PackedWeightTestsWithWinograd(WinogradCpu cpu) : PackedWeightTests(cpu), IClassFixture<WinogradCpu>;

[Collection(nameof(Gpu))]
public sealed class PackedWeightTestsOnCuda(Gpu gpu) : PackedWeightTests(gpu);
