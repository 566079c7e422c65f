using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Xunit;

namespace Tests.Engine;

/// <summary>Resizing and pooling as PyTorch does them, forward and backward.</summary>
public abstract class ResizeGoldenTests(Device on)
{
    /// <summary>PyTorch's own float32 is within 1e-6 of double in this file.</summary>
    private const double Tolerance = 2e-6;

    private readonly IBackend _backend = on.Backend;

    [Fact]
    public void Bilinear_resizing_is_PyTorchs_with_either_corners()
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        int i = 0;
        for (; golden.Has($"bilinear.{i}.input"); i++)
        {
            int[] size = golden.Shape($"bilinear.{i}.half_pixel");
            Check(golden, $"bilinear.{i}.input", $"bilinear.{i}.half_pixel", null, x => x.Resize(size[2], size[3], Corners.HalfPixel));
            Check(golden, $"bilinear.{i}.input", $"bilinear.{i}.align_corners", null, x => x.Resize(size[2], size[3], Corners.Aligned));
        }
        Assert.Equal(8, i);
    }

    [Fact]
    public void Adaptive_average_pooling_is_PyTorchs()
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        int i = 0;
        for (; golden.Has($"adaptive.{i}.input"); i++)
        {
            int[] size = golden.Shape($"adaptive.{i}.output");
            Check(golden, $"adaptive.{i}.input", $"adaptive.{i}.output", $"adaptive.{i}", x => x.AdaptiveAveragePool(size[2], size[3]));
        }
        Assert.Equal(5, i);
    }

    [Theory]
    [InlineData(0, 3, 2, 1)]
    [InlineData(1, 3, 2, 1)]
    [InlineData(2, 2, 2, 0)]
    public void Max_pooling_is_PyTorchs(int i, int kernel, int stride, int padding)
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        var geometry = new ConvGeometry(kernel, stride, padding);
        Check(golden, $"maxpool.{i}.input", $"maxpool.{i}.output", $"maxpool.{i}", x => x.MaxPool(geometry));

        // The engine keeps no index of the maximum: at PyTorch's index the input must be the output's value.
        float[] x = golden.Floats($"maxpool.{i}.input"), y = golden.Floats($"maxpool.{i}.output");
        long[] winner = golden.Longs($"maxpool.{i}.index");
        int[] from = golden.Shape($"maxpool.{i}.input"), to = golden.Shape($"maxpool.{i}.output");
        for (int at = 0; at < y.Length; at++)
            Assert.Equal(y[at], x[at / (to[2] * to[3]) * from[2] * from[3] + (int)winner[at]]);
    }

    /// <summary>Compares an op's values, and its gradient where the file has one, with a file's fields.</summary>
    private void Check(GoldenFile golden, string input, string output, string? gradient, Func<Value, Value> op)
    {
        int[] shape = golden.Shape(input);
        using var tape = new Tape(_backend);
        Value x = tape.Variable(_backend.Tensor(new Shape(shape[0], shape[2], shape[3], shape[1]), golden.NHWC(input)), "x");
        Value y = op(x);
        Tensor upstream = gradient is null ? _backend.Allocate(y.Shape) : _backend.Tensor(y.Shape, golden.NHWC($"{gradient}.grad"));
        Value loss = (y * tape.Constant(upstream, "dy")).Sum();
        tape.Forward();
        Close.InMaxNorm(golden.NHWC(output), _backend.Read(y), Tolerance, output);
        if (gradient is null)
            return;
        float[] dx = _backend.Read(tape.Backward(loss)[x]);
        Close.InMaxNorm(golden.NHWC($"{gradient}.grad_input"), dx, Tolerance, $"{gradient}.grad_input");
    }
}

public sealed class ResizeGoldenTestsOnCpu(Cpu cpu) : ResizeGoldenTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class ResizeGoldenTestsOnCuda(Gpu gpu) : ResizeGoldenTests(gpu);
