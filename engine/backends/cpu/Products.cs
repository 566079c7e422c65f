using Engine.Tensors;

namespace Engine.Backends.Cpu;

/// <summary>What matrix products keep between calls, so that a shape seen before costs no allocation.</summary>
internal sealed class Products(CpuMemory memory, int workers) : IDisposable
{
    private readonly Dictionary<(ConvGeometry Geometry, int Extent, bool Backward), WindowRun[]> _runs = [];

    public ProductKernels Kernels { get; } = ProductKernels.Best;

    public ProductScratch Scratch { get; } = new(memory, workers);

    public NativeList<ProductRegion> Regions { get; } = new();

    public NativeList<Tap> Taps { get; } = new();

    public WinogradScratch Winograd { get; } = new(memory);

    /// <summary>The runs of an axis, worked out once.</summary>
    public WindowRun[] Runs(ConvGeometry geometry, int extent, bool backward)
    {
        if (!_runs.TryGetValue((geometry, extent, backward), out WindowRun[]? runs))
        {
            runs = backward ? WindowRun.Backward(geometry, extent) : WindowRun.Forward(geometry, extent);
            _runs.Add((geometry, extent, backward), runs);
        }
        return runs;
    }

    public void Dispose()
    {
        Scratch.Dispose();
        Regions.Dispose();
        Taps.Dispose();
        Winograd.Dispose();
    }
}
