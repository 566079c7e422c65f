using Engine.Backends.Cpu.Products;
using Engine.Backends.Cpu.Winograd;
using Engine.Tensors;

namespace Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <summary>Between the values of one point and the next: else all 36 of a channel would meet in the same set of a cache.</summary>
    private const int PlaneGap = 16;

    /// <summary>
    /// Channels summed at once. The transforms enlarge what long sums round away: half of <see cref="Chunk"/> makes the error of 512 channels
    /// smaller by a third and costs 3 % of the time.
    /// </summary>
    private const int PointChunk = 256;

    /// <summary>The values of a block of tiles at all points, and their products.</summary>
    private CpuBlock? _winogradValues;

    /// <summary>A pixel of zeros, read in place of the padding.</summary>
    private CpuBlock? _zeroPixel;

    /// <inheritdoc cref="CpuBackend.Winograd"/>
    public bool Winograd { get; set; } = true;

    /// <summary>Whether they do so even where it is slower: for tests, whose networks are small.</summary>
    public bool WinogradWhereverItFits { get; set; }

    private bool UsesWinograd(ConvGeometry geometry, in WinogradGrid grid) =>
        (Winograd || WinogradWhereverItFits) && WinogradGrid.Fits(geometry, grid.In, grid.Out) && (WinogradWhereverItFits || grid.IsFaster);

    /// <summary>
    /// The convolution of x with weights packed for it, block by block of tiles that stay in the caches. Given are of the results: where they go,
    /// and what is done with them first.
    /// </summary>
    private void Run(in WinogradGrid grid, float* x, float* weights, WinogradOutput results)
    {
        const int Points = WinogradTransform.Points;
        // Blocks of about one size, all but the last of whole kernels.
        int blocks = (grid.Count + TileRows - 1) / TileRows, kernels = blocks * ProductKernels.Rows;
        int most = Math.Min(grid.Count, (grid.Count + kernels - 1) / kernels * ProductKernels.Rows);
        nint plane = (nint)most * grid.In + PlaneGap, productPlane = (nint)most * grid.Out + PlaneGap;
        float* values = CpuBlock.Grown(ref _winogradValues, Memory, Points * (plane + productPlane)).Pointer, products = values + Points * plane;
        float* zeros = CpuBlock.Grown(ref _zeroPixel, Memory, grid.In).Pointer;
        results.Grid = grid;
        results.Scratch = Workspace.Scratch;
        results.From = products;
        results.Plane = productPlane;
        for (int first = 0; first < grid.Count; first += most)
        {
            int tiles = Math.Min(most, grid.Count - first);
            _workers.Run(tiles, new WinogradInput
            {
                Grid = grid,
                Scratch = Workspace.Scratch,
                X = x,
                Zeros = zeros,
                First = first,
                To = values,
                Plane = plane,
            });
            SetPointRegions(grid, tiles, plane, productPlane);
            Run(new Product
            {
                A = values,
                AStep = 1,
                B = weights,
                BColumn = Points * grid.In,
                Y = products,
                Columns = grid.Out,
            }, PointChunk);
            results.First = first;
            _workers.Run(tiles, results);
        }
    }

    /// <summary>A region for every point: all tiles by all channels.</summary>
    private void SetPointRegions(in WinogradGrid grid, int tiles, nint plane, nint productPlane)
    {
        Workspace.Regions.Clear();
        Workspace.Taps.Clear();
        for (int point = 0; point < WinogradTransform.Points; point++)
        {
            Workspace.Regions.Add(new ProductRegion
            {
                Rows = tiles,
                Height = 1,
                Width = tiles,
                A = point * plane,
                AStrideW = grid.In,
                Y = point * productPlane,
                YStrideW = grid.Out,
                FirstTap = point,
                TapCount = 1,
                Depth = grid.In,
            });
            Workspace.Taps.Add(new Tap(0, (nint)point * grid.In));
        }
    }
}
