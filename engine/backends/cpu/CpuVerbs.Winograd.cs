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

    /// <inheritdoc cref="CpuBackend.Winograd"/>
    public bool Winograd { get; set; } = true;

    /// <summary>Whether they do so even where it is slower: for tests, whose networks are small.</summary>
    public bool WinogradWhereverItFits { get; set; }

    private bool TakesWinograd(ConvGeometry geometry, in WinogradGrid grid) =>
        (Winograd || WinogradWhereverItFits) && WinogradGrid.Fits(geometry, grid.In, grid.Out) && (WinogradWhereverItFits || grid.Gains);

    /// <summary>
    /// The convolution of x with weights packed for it, block by block of tiles that stay in the caches. Given are of the results: where they go,
    /// and what is done with them first.
    /// </summary>
    private void Run(in WinogradGrid grid, float* x, float* weights, WinogradResults results)
    {
        const int Points = WinogradTransform.Points;
        // Blocks of about one size, all but the last of whole kernels.
        int blocks = (grid.Count + TileRows - 1) / TileRows, kernels = blocks * ProductKernels.Rows;
        int most = Math.Min(grid.Count, (grid.Count + kernels - 1) / kernels * ProductKernels.Rows);
        nint plane = (nint)most * grid.In + PlaneGap, productPlane = (nint)most * grid.Out + PlaneGap;
        float* values = Products.Winograd.Values(Points * (plane + productPlane)), products = values + Points * plane;
        results.Grid = grid;
        results.Scratch = Products.Scratch;
        results.From = products;
        results.Plane = productPlane;
        for (int first = 0; first < grid.Count; first += most)
        {
            int tiles = Math.Min(most, grid.Count - first);
            _workers.Run(tiles, new WinogradPixels
            {
                Grid = grid,
                Scratch = Products.Scratch,
                X = x,
                Zeros = Products.Winograd.Zeros(grid.In),
                First = first,
                To = values,
                Plane = plane,
            });
            LayPoints(grid, tiles, plane, productPlane);
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
    private void LayPoints(in WinogradGrid grid, int tiles, nint plane, nint productPlane)
    {
        Products.Regions.Clear();
        Products.Taps.Clear();
        for (int point = 0; point < WinogradTransform.Points; point++)
        {
            Products.Regions.Add(new ProductRegion
            {
                Rows = tiles,
                Lines = 1,
                Pixels = tiles,
                A = point * plane,
                APixel = grid.In,
                Y = point * productPlane,
                YPixel = grid.Out,
                FirstTap = point,
                TapCount = 1,
                Depth = grid.In,
            });
            Products.Taps.Add(new Tap(0, (nint)point * grid.In));
        }
    }
}
