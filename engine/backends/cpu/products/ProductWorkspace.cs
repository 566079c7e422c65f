using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>What matrix products keep between calls, so that a known shape costs no allocation.</summary>
internal sealed class ProductWorkspace(CpuMemory memory, int workers) : IDisposable
{
    private readonly Dictionary<(ConvGeometry Geometry, int Extent, bool Backward), PositionRun[]> _runs = [];

    public ProductKernels Kernels { get; } = ProductKernels.Best;

    public ProductScratch Scratch { get; } = new(memory, workers);

    public NativeList<ProductRegion> Regions { get; } = new();

    public NativeList<Tap> Taps { get; } = new();

    /// <summary>The runs of an axis, computed once.</summary>
    public PositionRun[] Runs(ConvGeometry geometry, int extent, bool backward)
    {
        if (!_runs.TryGetValue((geometry, extent, backward), out PositionRun[]? runs))
        {
            runs = backward ? PositionRun.Backward(geometry, extent) : PositionRun.Forward(geometry, extent);
            _runs.Add((geometry, extent, backward), runs);
        }
        return runs;
    }

    public void Dispose()
    {
        Scratch.Dispose();
        Regions.Dispose();
        Taps.Dispose();
    }
}
