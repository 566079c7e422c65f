using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Backends.Cpu.Winograd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <summary>Rows of the right operand summed at once: a panel of them stays in the caches next to a tile's left operand.</summary>
    private const int Chunk = 512;

    /// <summary>
    /// Rows of a tile, a multiple of the micro-kernel's. The chunk of the left operand that they read takes at most half of the L2 cache,
    /// and stays there for all panels.
    /// </summary>
    private int TileRows => L2CacheBytes == 0 ? Product.MaxRows
        : ProductKernels.Rows
            * Math.Clamp(L2CacheBytes / 2 / (Chunk * sizeof(float)) / ProductKernels.Rows, 1, Product.MaxRows / ProductKernels.Rows);

    /// <summary>Size of the L2 cache that products are tiled for. No result depends on it.</summary>
    internal int L2CacheBytes { get; set; } = L2Cache.Bytes;

    private ProductWorkspace? _workspace;

    private ProductWorkspace Workspace => _workspace ??= new ProductWorkspace(Memory, _workers.Count);

    /// <inheritdoc/>
    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y)
    {
        (int k, int taps, int c) = (w.Shape.N, w.Shape.H * w.Shape.W, w.Shape.C);
        var grid = new WinogradGrid(x.Shape.N, y.Shape.H, y.Shape.W, In: c, Out: k, Halo: 1 - geometry.Padding);
        if (geometry.Tile > 1 && !(geometry.Tile == WinogradTransform.TileSize && WinogradGrid.Fits(geometry with { Padding = 1 }, c, k)))
        {
            throw new ShapeException("Convolution", $"cannot compute squares of {geometry.Tile} x {geometry.Tile} outputs of {w.Shape} together",
                "Give the tile that IBackend.Tile names for the whole images.");
        }
        if (geometry.Tile == 0 ? UsesWinograd(geometry, grid) : geometry.Tile > 1)
        {
            Watch?.Invoke("winograd");
            var order = new WeightOrder(w.Offset, taps, c, k, TapStep: c, RowStep: 1, ColumnStep: taps * c)
            {
                Points = WinogradTransform.Points,
            };
            Run(grid, Read(x), Pack(w, order), new WinogradOutput
            {
                Start = residual is null ? null : Read(residual),
                Bias = bias is null ? null : Read(bias),
                Relu = relu,
                Y = Write(y),
            });
            return;
        }
        Watch?.Invoke("product");
        SetRegions(geometry, x.Shape, y.Shape, backward: false, empty: true);
        Run(new Product
        {
            A = Read(x),
            AStep = 1,
            B = Pack(w, new WeightOrder(w.Offset, taps, c, k, TapStep: c, RowStep: 1, ColumnStep: taps * c)),
            BColumn = taps * c,
            Start = residual is null ? null : Read(residual),
            Bias = bias is null ? null : Read(bias),
            Relu = relu,
            Y = Write(y),
            Columns = k,
        }, Chunk);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx)
    {
        (int k, int taps, int c) = (w.Shape.N, w.Shape.H * w.Shape.W, w.Shape.C);
        float* to = Write(dx.Tensor);
        var grid = new WinogradGrid(dy.Shape.N, dy.Shape.H, dy.Shape.W, In: k, Out: c);
        if (UsesWinograd(geometry, grid))
        {
            Watch?.Invoke("winograd");
            // dx is the convolution of dy with the rotated kernel: its taps count down from the last.
            var rotated = new WeightOrder(w.Offset + (taps - 1) * c, taps, k, c, TapStep: -c, RowStep: taps * c, ColumnStep: 1)
            {
                Points = WinogradTransform.Points,
            };
            Run(grid, Read(dy), Pack(w, rotated), new WinogradOutput
            {
                Start = dx.Adds ? to : null,
                Gate = dx.Gate is null ? null : Read(dx.Gate),
                Y = to,
            });
            return;
        }
        if (c <= SpreadProduct.MaxChannels && taps > 1)
        {
            Watch?.Invoke("spread product");
            var spread = new SpreadProduct
            {
                Kernels = Workspace.Kernels,
                Scratch = Workspace.Scratch,
                Geometry = geometry,
                Dy = Read(dy),
                OutHeight = dy.Shape.H,
                OutWidth = dy.Shape.W,
                K = k,
                W = Pack(w, new WeightOrder(w.Offset, Taps: 1, k, taps * c, TapStep: 0, RowStep: taps * c, ColumnStep: 1)),
                Dx = to,
                Height = dx.Tensor.Shape.H,
                Width = dx.Tensor.Shape.W,
                Channels = c,
                Adds = dx.Adds,
                Gate = dx.Gate is null ? null : Read(dx.Gate),
            };
            spread.ShareAmong(_workers.Count, dy.Shape.N);
            _workers.Run(dy.Shape.N * spread.Bands, spread);
            return;
        }
        Watch?.Invoke("product");
        SetRegions(geometry, dy.Shape, dx.Tensor.Shape, backward: true, empty: !dx.Adds || dx.Gate is not null);
        Run(new Product
        {
            A = Read(dy),
            AStep = 1,
            B = Pack(w, new WeightOrder(w.Offset, taps, k, c, TapStep: c, RowStep: taps * c, ColumnStep: 1)),
            BColumn = taps * k,
            Start = dx.Adds ? to : null,
            Gate = dx.Gate is null ? null : Read(dx.Gate),
            Y = to,
            Columns = c,
        }, Chunk);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw) =>
        Run(
            new WeightProduct { Geometry = geometry, Height = x.Shape.H, Width = x.Shape.W, OutHeight = dy.Shape.H, OutWidth = dy.Shape.W },
            x, dy, dw);

    /// <summary>
    /// Divides the result into regions whose pixels use the same taps. Forward, the taps of a kernel row are adjacent in the operand and in
    /// the weights, and are merged into one long tap. Backward they run in opposite directions and stay separate. Regions without taps are
    /// skipped unless <paramref name="empty"/>: their sum is 0.
    /// </summary>
    private void SetRegions(ConvGeometry geometry, Shape from, Shape to, bool backward, bool empty)
    {
        Shape image = backward ? to : from;
        PositionRun[] columns = Workspace.Runs(geometry, image.W, backward);
        Workspace.Regions.Clear();
        Workspace.Taps.Clear();
        foreach (PositionRun row in Workspace.Runs(geometry, image.H, backward))
        {
            foreach (PositionRun column in columns)
            {
                if (!empty && row.Taps * column.Taps == 0)
                    continue;
                (int taps, int depth) = backward
                    ? (column.Taps, from.C)
                    : (Math.Min(column.Taps, 1), Math.Max(column.Taps, 1) * from.C);
                Workspace.Regions.Add(new ProductRegion
                {
                    Rows = to.N * row.Count * column.Count,
                    Height = row.Count,
                    Width = column.Count,
                    A = ((nint)row.In * from.W + column.In) * from.C,
                    AStrideN = from.Row,
                    AStrideH = (nint)row.InStep * from.W * from.C,
                    AStrideW = (nint)column.InStep * from.C,
                    Y = ((nint)row.Out * to.W + column.Out) * to.C,
                    YStrideN = to.Row,
                    YStrideH = (nint)row.OutStep * to.W * to.C,
                    YStrideW = (nint)column.OutStep * to.C,
                    FirstTap = Workspace.Taps.Count,
                    TapCount = row.Taps * taps,
                    Depth = depth,
                });
                for (int t = 0; t < row.Taps * taps; t++)
                {
                    (int r, int s) = Math.DivRem(t, taps);
                    nint place = (nint)(r * row.InTapStep) * from.W + s * column.InTapStep;
                    nint tap = (nint)(row.Tap + r * row.TapStep) * geometry.Kernel + column.Tap + s * column.TapStep;
                    Workspace.Taps.Add(new Tap(place * from.C, tap * from.C));
                }
            }
        }
    }

    /// <summary>The weights packed in that order. They are packed again if they have changed.</summary>
    private float* Pack(Tensor w, WeightOrder order)
    {
        var storage = (CpuStorage)w.Storage;
        PackedWeights packed = storage.Packed(order, Workspace.Kernels.Padded(order.Columns));
        if (packed.Version != storage.Version)
        {
            int panels = Workspace.Kernels.Panels(order.Columns);
            float* from = storage.Pointer + order.Offset;
            if (order.Points > 0)
                _workers.Run(panels, new WinogradKernels { Kernels = Workspace.Kernels, Order = order, From = from, To = packed.Pointer });
            else
                _workers.Run(panels, new Packing { Kernels = Workspace.Kernels, Order = order, From = from, To = packed.Pointer });
            packed.Version = storage.Version;
        }
        return packed.Pointer;
    }

    /// <summary>Runs a product over the regions that are set.</summary>
    private void Run(Product product, int chunk)
    {
        product.Kernels = Workspace.Kernels;
        product.Scratch = Workspace.Scratch;
        product.Regions = Workspace.Regions.Pointer;
        product.RegionCount = Workspace.Regions.Count;
        product.Taps = Workspace.Taps.Pointer;
        product.Chunk = chunk;
        product.TileRows = TileRows;
        product.TileColumns = Product.MaxColumns;
        product.ShareAmong(_workers.Count);
        _workers.Run(product.Tiles, product);
    }

    /// <summary>Runs a gradient of weights whose kernel and image sizes are set.</summary>
    private void Run(WeightProduct product, Tensor x, Tensor dy, Accumulator dw)
    {
        Watch?.Invoke("product of weights");
        product.Kernels = Workspace.Kernels;
        product.Scratch = Workspace.Scratch;
        product.X = Read(x);
        product.Dy = Read(dy);
        product.K = dy.Shape.C;
        product.Channels = x.Shape.Row / (product.Height * product.Width);
        product.Pixels = dy.Shape.Count / dy.Shape.C;
        product.Dw = Write(dw.Tensor);
        product.Start = dw.Adds ? product.Dw : null;
        _workers.Run(product.Tiles, product);
    }
}
