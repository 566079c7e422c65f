using Engine.Tensors;

namespace Engine.Backends.Cpu;

internal sealed unsafe partial class CpuVerbs
{
    /// <summary>Rows of the right operand summed at once: a panel of them stays in the caches next to a tile's left operand.</summary>
    private const int Chunk = 512;

    /// <summary>
    /// Rows of a tile, in whole kernels: the chunk of the left operand that they touch stays in the second cache for all panels, and leaves them half of it.
    /// </summary>
    private int TileRows => SecondCacheBytes == 0 ? Product.MostRows
        : Math.Clamp(SecondCacheBytes / 2 / (Chunk * sizeof(float)) / ProductKernels.Rows, 1, Product.MostRows / ProductKernels.Rows) * ProductKernels.Rows;

    /// <summary>What products are cut for; no result depends on it.</summary>
    internal int SecondCacheBytes { get; set; } = SecondCache.Bytes;

    private Products? _products;

    private Products Products => _products ??= new Products(Memory, _workers.Count);

    /// <inheritdoc/>
    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y)
    {
        (int k, int taps, int c) = (w.Shape.N, w.Shape.H * w.Shape.W, w.Shape.C);
        var grid = new WinogradGrid(x.Shape.N, x.Shape.H, x.Shape.W, In: c, Out: k);
        if (TakesWinograd(geometry, grid))
        {
            var order = new WeightOrder(w.Offset, taps, c, k, TapStep: c, RowStep: 1, ColumnStep: taps * c) { Winograd = true };
            Run(grid, Read(x), Pack(w, order), new WinogradResults
            {
                Start = residual is null ? null : Read(residual),
                Bias = bias is null ? null : Read(bias),
                Relu = relu,
                Y = Write(y),
            });
            return;
        }
        Lay(geometry, x.Shape, y.Shape, backward: false, empty: true);
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
        if (TakesWinograd(geometry, grid))
        {
            // dx is the convolution of dy with the window turned round: its taps count from the last.
            var turned = new WeightOrder(w.Offset + (taps - 1) * c, taps, k, c, TapStep: -c, RowStep: taps * c, ColumnStep: 1) { Winograd = true };
            Run(grid, Read(dy), Pack(w, turned), new WinogradResults
            {
                Start = dx.Adds ? to : null,
                Gate = dx.Gate is null ? null : Read(dx.Gate),
                Y = to,
            });
            return;
        }
        if (c <= SpreadProduct.MostChannels && taps > 1)
        {
            var spread = new SpreadProduct
            {
                Kernels = Products.Kernels,
                Scratch = Products.Scratch,
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
            _workers.Run(dy.Shape.N * spread.Bands, spread);
            return;
        }
        Lay(geometry, dy.Shape, dx.Tensor.Shape, backward: true, empty: !dx.Adds || dx.Gate is not null);
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
        Run(new WeightProduct { Geometry = geometry, Height = x.Shape.H, Width = x.Shape.W, OutHeight = dy.Shape.H, OutWidth = dy.Shape.W }, x, dy, dw);

    /// <summary>
    /// Cuts the result into regions whose pixels see the same taps. In a forward convolution the taps of a line of the window lie
    /// side by side in operand and weights alike, and count as one long tap; backward they run against each other. Regions that see no tap
    /// are left out unless <paramref name="empty"/>: a sum of nothing is nothing to add.
    /// </summary>
    private void Lay(ConvGeometry geometry, Shape from, Shape to, bool backward, bool empty)
    {
        Shape image = backward ? to : from;
        WindowRun[] columns = Products.Runs(geometry, image.W, backward);
        Products.Regions.Clear();
        Products.Taps.Clear();
        foreach (WindowRun line in Products.Runs(geometry, image.H, backward))
        {
            foreach (WindowRun column in columns)
            {
                if (!empty && line.Taps * column.Taps == 0)
                    continue;
                (int taps, int depth) = backward ? (column.Taps, from.C) : (Math.Min(column.Taps, 1), Math.Max(column.Taps, 1) * from.C);
                Products.Regions.Add(new ProductRegion
                {
                    Rows = to.N * line.Count * column.Count,
                    Lines = line.Count,
                    Pixels = column.Count,
                    A = ((nint)line.In * from.W + column.In) * from.C,
                    AImage = from.Row,
                    ALine = (nint)line.InStep * from.W * from.C,
                    APixel = (nint)column.InStep * from.C,
                    Y = ((nint)line.Out * to.W + column.Out) * to.C,
                    YImage = to.Row,
                    YLine = (nint)line.OutStep * to.W * to.C,
                    YPixel = (nint)column.OutStep * to.C,
                    FirstTap = Products.Taps.Count,
                    TapCount = line.Taps * taps,
                    Depth = depth,
                });
                for (int t = 0; t < line.Taps * taps; t++)
                {
                    (int r, int s) = Math.DivRem(t, taps);
                    nint place = (nint)(r * line.InTapStep) * from.W + s * column.InTapStep;
                    nint tap = (nint)(line.Tap + r * line.TapStep) * geometry.Kernel + column.Tap + s * column.TapStep;
                    Products.Taps.Add(new Tap(place * from.C, tap * from.C));
                }
            }
        }
    }

    /// <summary>The weights in that order, copied if they have changed since they last were.</summary>
    private float* Pack(Tensor w, WeightOrder order)
    {
        var storage = (CpuStorage)w.Storage;
        PackedWeights packed = storage.Packed(order, Products.Kernels.Padded(order.Columns));
        if (packed.Version != storage.Version)
        {
            var packing = new Packing { Kernels = Products.Kernels, Order = order, From = storage.Pointer + order.Offset, To = packed.Pointer };
            _workers.Run(packing.Tiles, packing);
            packed.Version = storage.Version;
        }
        return packed.Pointer;
    }

    /// <summary>Runs a product over the regions that were laid out.</summary>
    private void Run(Product product, int chunk)
    {
        product.Kernels = Products.Kernels;
        product.Scratch = Products.Scratch;
        product.Regions = Products.Regions.Pointer;
        product.RegionCount = Products.Regions.Count;
        product.Taps = Products.Taps.Pointer;
        product.Chunk = chunk;
        product.TileRows = TileRows;
        product.TileColumns = Product.MostPanels * product.Kernels.Panel;
        product.ShareAmong(_workers.Count);
        _workers.Run(product.Tiles, product);
    }

    /// <summary>Runs a gradient of weights whose window and images are set.</summary>
    private void Run(WeightProduct product, Tensor x, Tensor dy, Accumulator dw)
    {
        product.Kernels = Products.Kernels;
        product.Scratch = Products.Scratch;
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
