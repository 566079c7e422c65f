using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Backends.Cpu.Winograd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <summary>
    /// Elements between the values of one point and those of the next. Without it, all 36 values of a channel would map to the same cache
    /// set.
    /// </summary>
    private const int PlaneGap = 16;

    /// <summary>
    /// Channels summed at once. The transforms amplify the rounding errors of long sums: half of <see cref="Chunk"/> reduces the error at
    /// 512 channels by a third and costs 3 % of the time.
    /// </summary>
    private const int PointChunk = 256;

    /// <summary>The values of a block of tiles at all points, and their products.</summary>
    private CpuBlock? _winogradValues;

    /// <summary>A pixel of zeros, read in place of the padding.</summary>
    private CpuBlock? _zeroPixel;

    /// <inheritdoc cref="CpuBackend.Winograd"/>
    public bool Winograd { get; set; } = true;

    /// <summary>Whether to use it even where it is slower: for tests, whose networks are small.</summary>
    public bool WinogradWhereverItFits { get; set; }

    private bool UsesWinograd(ConvGeometry geometry, in WinogradGrid grid) =>
        (Winograd || WinogradWhereverItFits) && WinogradGrid.Fits(geometry, grid.In, grid.Out) && (WinogradWhereverItFits || grid.IsFaster);

    /// <summary>
    /// The convolution of x with weights packed for it, in blocks of tiles that stay in the caches. The caller has set where
    /// <paramref name="results"/> go and what is done with them first.
    /// </summary>
    private void Run(in WinogradGrid grid, float* x, float* weights, WinogradOutput results)
    {
        const int Points = WinogradTransform.Points;
        // Blocks of about equal size. All but the last are a multiple of the micro-kernel's rows.
        int blocks = (grid.Count + TileRows - 1) / TileRows, rows = blocks * ProductKernels.Rows;
        int block = Math.Min(grid.Count, (grid.Count + rows - 1) / rows * ProductKernels.Rows);
        nint plane = (nint)block * grid.In + PlaneGap, productPlane = (nint)block * grid.Out + PlaneGap;
        float* values = CpuBlock.Grown(ref _winogradValues, Memory, Points * (plane + productPlane)).Pointer;
        float* products = values + Points * plane;
        float* zeros = CpuBlock.Grown(ref _zeroPixel, Memory, grid.In).Pointer;
        results.Grid = grid;
        results.Scratch = Workspace.Scratch;
        results.From = products;
        results.Plane = productPlane;
        for (int first = 0; first < grid.Count; first += block)
        {
            int tiles = Math.Min(block, grid.Count - first);
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

    /// <summary>Sets one region per point: all tiles by all channels.</summary>
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
