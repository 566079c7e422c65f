using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// dw (K, R S C) = dyᵀ (K, pixels) times the patches of x (pixels, R S C) (+ start). A tile is a panel of columns by some rows. It copies
/// its columns of the patches (im2col), one chunk of pixels at a time, with zeros for padding. Each tile sums over all pixels in order,
/// chunk by chunk, so the tiling changes no bit.
/// </summary>
internal unsafe struct WeightProduct : ITiles
{
    /// <summary>Pixels summed at once.</summary>
    public const int Chunk = 256;

    /// <summary>Elements of the packing buffer that a worker needs.</summary>
    public const int PackedCount = Chunk * ProductKernels.MaxPanel;

    public ProductKernels Kernels;
    public ProductScratch Scratch;
    public ConvGeometry Geometry;
    public float* X;
    public int Height, Width, Channels;
    public float* Dy;
    public int OutHeight, OutWidth, K;

    /// <summary>Output pixels of the whole batch.</summary>
    public int Pixels;

    public float* Start;
    public float* Dw;

    public readonly int Tiles => ColumnBlocks * ((K + Product.MaxRows - 1) / Product.MaxRows);

    private readonly int Columns => Geometry.Kernel * Geometry.Kernel * Channels;

    private readonly int ColumnBlocks => Kernels.Panels(Columns);

    public readonly void Run(int tile, int worker)
    {
        (int rowBlock, int columnBlock) = Math.DivRem(tile, ColumnBlocks);
        int first = rowBlock * Product.MaxRows;
        RowTable rows = Scratch.Rows(worker);
        rows.Fill(
            new ProductRegion { Height = 1, Width = K, AStrideW = 1, YStrideW = Columns },
            first, Math.Min(Product.MaxRows, K - first));

        float* patches = Scratch.Buffer(worker);
        Tap all = default;
        int end = Math.Min(Columns, (columnBlock + 1) * Kernels.Panel);
        for (int column = columnBlock * Kernels.Panel, panel; column < end; column += panel)
        {
            panel = Kernels.NextPanel(end - column);
            for (int pixel = 0; pixel < Pixels; pixel += Chunk)
            {
                int count = Math.Min(Chunk, Pixels - pixel);
                PackPatches(pixel, count, column, panel, patches);
                float* start = pixel == 0 ? Start : Dw;
                var block = new ProductBlock
                {
                    A = Dy + (nint)pixel * K,
                    AStep = K,
                    B = patches,
                    BStep = panel,
                    Taps = &all,
                    TapCount = 1,
                    Depth = count,
                    Y = Dw + column,
                    ColumnCount = Math.Min(panel, Columns - column),
                    Start = start is null ? null : start + column,
                };
                rows.Run(Kernels, block, panel, next: 0);
            }
        }
    }

    /// <summary>Packs elements column to column + panel - 1 of the patches of some pixels as rows of a panel.</summary>
    private readonly void PackPatches(int pixel, int count, int column, int panel, float* to)
    {
        int valid = Math.Min(panel, Columns - column);
        (int firstTap, int firstChannel) = Math.DivRem(column, Channels);
        (int image, int rest) = Math.DivRem(pixel, OutHeight * OutWidth);
        (int p, int q) = Math.DivRem(rest, OutWidth);
        for (int i = 0; i < count; i++, to += panel)
        {
            for (int j = 0, tap = firstTap, channel = firstChannel, run; j < panel; j += run, tap++, channel = 0)
            {
                run = j < valid ? Math.Min(Channels - channel, valid - j) : panel - j;
                (int r, int s) = Math.DivRem(tap, Geometry.Kernel);
                int h = p * Geometry.Stride - Geometry.Padding + r, w = q * Geometry.Stride - Geometry.Padding + s;
                var part = new Span<float>(to + j, run);
                if (j < valid && (uint)h < (uint)Height && (uint)w < (uint)Width)
                    new ReadOnlySpan<float>(X + (((nint)image * Height + h) * Width + w) * Channels + channel, run).CopyTo(part);
                else
                    part.Clear();
            }
            if (++q < OutWidth)
                continue;
            q = 0;
            if (++p < OutHeight)
                continue;
            p = 0;
            image++;
        }
    }
}
