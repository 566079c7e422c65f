using BenchmarkDotNet.Attributes;
using Iba.Engine.Backends.Cpu;

namespace Benchmarks;

/// <summary>A whole attribution, on all cores.</summary>
public class AttributionBenchmarks
{
    private CpuBackend _backend = null!;
    private WholeAttribution _attribution = null!;

    [Params("resnet50", "vgg16")]
    public string Network { get; set; } = "";

    [Params(true, false)]
    public bool Winograd { get; set; }

    [GlobalSetup]
    public void Allocate()
    {
        _backend = new CpuBackend { Winograd = Winograd };
        _attribution = new WholeAttribution(new FullSizeNetwork(Network, _backend));
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _attribution.Dispose();
        _backend.Dispose();
    }

    [Benchmark]
    public double Attribute() => _attribution.Run()[0].TotalBits;
}
