using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Tests;

namespace Benchmarks;

/// <summary>Every layer of the suffixes, in the three directions, on all cores.</summary>
[Config(typeof(Speed))]
public class LayerBenchmarks
{
    private CpuBackend _backend = null!;
    private Tensor _x = null!, _w = null!, _y = null!, _bias = null!, _dw = null!;

    [ParamsSource(nameof(Layers))]
    public Layer Layer { get; set; } = null!;

    public static IEnumerable<Layer> Layers => Layer.All;

    [Params(true, false)]
    public bool Winograd { get; set; }

    [GlobalSetup]
    public void Allocate()
    {
        _backend = new CpuBackend { Winograd = Winograd };
        (_x, _w, _y, _bias, _dw) = (
            _backend.Random(Layer.X), _backend.Random(Layer.W), _backend.Random(Layer.Y), _backend.Random(new(Layer.K)), _backend.Random(Layer.W));
    }

    [GlobalCleanup]
    public void Dispose() => _backend.Dispose();

    [Benchmark]
    public void Forward() => _backend.Convolution(_x, _w, _bias, null, relu: true, Layer.Geometry, _y);

    [Benchmark]
    public void BackwardData() => _backend.ConvolutionBackwardData(_y, _w, Layer.Geometry, new(_x, Adds: false));

    [Benchmark]
    public void BackwardWeights() => _backend.ConvolutionBackwardWeights(_x, _y, Layer.Geometry, new(_dw, Adds: false));

    private sealed class Speed : ManualConfig
    {
        public Speed() => AddColumn(new SpeedColumn("GFLOP/s", 1), new SpeedColumn("of peak", Peak.Measure(Environment.ProcessorCount)));
    }

    private sealed class SpeedColumn(string name, double unit) : IColumn
    {
        public string Id => name;
        public string ColumnName => name;
        public string Legend => "from the mean time";
        public bool AlwaysShow => true;
        public ColumnCategory Category => ColumnCategory.Custom;
        public int PriorityInCategory => 0;
        public bool IsNumeric => true;
        public UnitType UnitType => UnitType.Dimensionless;
        public bool IsAvailable(Summary summary) => true;
        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
        {
            var layer = (Layer)benchmarkCase.Parameters[nameof(LayerBenchmarks.Layer)];
            double? nanoseconds = summary[benchmarkCase]?.ResultStatistics?.Mean;
            return nanoseconds is { } time ? $"{layer.Flops / time / unit:G3}" : "?";
        }
    }
}
