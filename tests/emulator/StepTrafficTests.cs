using Iba.Bottleneck;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Xunit;

namespace Tests.Emulator;

/// <summary>
/// Launches and bytes of one step of the per-sample bottleneck at its real size: ResNet-50 after layer2, 16 images of 224 x 224 with 10 copies each.
/// Nothing is computed, and memory is only counted. docs/performance.md has the figures by part.
/// </summary>
public sealed class StepTrafficTests(ITestOutputHelper output)
{
    private const double Giga = 1e9;

    [Theory]
    [InlineData(Precision.Float32, 78, 12.63)]
    [InlineData(Precision.TensorFloat32, 78, 12.63)]
    [InlineData(Precision.BFloat16, 78, 6.45)]
    public void A_step_sends_so_many_launches_and_moves_at_most_so_many_bytes(Precision precision, int launches, double gigabytes)
    {
        List<Sent> step = Step(precision, images: 16, copies: 10);
        foreach (IGrouping<string, Sent> part in step.GroupBy(sent => sent.Part).Append(step.GroupBy(_ => precision.Word()).Single()))
        {
            IEnumerable<string> names = part.GroupBy(sent => sent.Name).Select(each => $"{each.Key} x {each.Count()}");
            output.WriteLine($"{part.Key,-22} {part.Count(),4} {part.Sum(sent => sent.Bytes) / Giga,7:F3} GB   {string.Join(' ', names)}");
        }
        Assert.Equal(launches, step.Count);
        Assert.True(step.Sum(sent => sent.Bytes) <= gigabytes * Giga, $"{step.Sum(sent => sent.Bytes) / Giga:F3} GB");
    }

    /// <summary>The third step: the first warms up, the second captures.</summary>
    private static List<Sent> Step(Precision precision, int images, int copies)
    {
        using var gpu = new FakeGpu();
        gpu.Driver.IsIdle = true;
        gpu.Driver.TotalBytes = (nuint)140 << 30;
        using CudaBackend backend = gpu.Open(precision);
        Network network = ResNet.ResNet50.Build(backend, new NarrowSource(backend, 1));
        var features = new Shape(1, 28, 28, 512);
        float[] ones = new float[features.Count];
        Array.Fill(ones, 1f);
        var statistics = new FeatureStatistics(
            new FeatureOrigin(network.Name, network.Resolve("layer2"), features, ""), 2000, new float[features.Count], ones, ones, ones);
        using var fit = new MaskFit(network.After("layer2"), statistics, images, new BottleneckSettings { Copies = copies });
        fit.Begin();
        fit.Step();
        gpu.Driver.Traffic = [];
        fit.Step();
        List<Sent> captured = [.. gpu.Driver.Traffic];
        gpu.Driver.Traffic.Clear();
        fit.Step();
        Assert.Equal(captured, gpu.Driver.Traffic);
        Assert.Empty(gpu.Cudnn.Misuse);
        return captured;
    }
}
