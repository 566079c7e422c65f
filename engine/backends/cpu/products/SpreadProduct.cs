using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// dx (+)= the transposed convolution of dy, for images with so few channels that most registers of a <see cref="Product"/> would stay
/// empty. dy (pixels, K) times the unpacked weights (K, R S C) gives the contribution of each pixel of dy to its patch of the image, and is
/// added there (col2im). A tile is a band of image rows; contributions that reach into two bands are computed for both. The order of the
/// terms of an element depends on the shapes only, so the bands change no bit.
/// </summary>
internal unsafe struct SpreadProduct : ITiles
{
    /// <summary>Upper bound of the channels for which it is used: pictures have one, three or four.</summary>
    public const int MaxChannels = 4;

    /// <summary>Lower bound of the rows of a band: enough that not much is computed twice.</summary>
    private const int MinBandRows = 28;

    /// <summary>Columns of the patches that are computed before they are added: a multiple of every panel, and more than 7 x 7 x 3.</summary>
    private const int BlockColumns = 3 * ProductKernels.MaxPanel;

    /// <summary>Pixels whose patches are computed before they are added.</summary>
    private const int BlockPixels = 16 * ProductKernels.Rows;

    /// <summary>Elements of the buffer of patches that a worker needs.</summary>
    public const int PatchCount = BlockPixels * BlockColumns;

    public ProductKernels Kernels;
    public ProductScratch Scratch;
    public ConvGeometry Geometry;
    public float* Dy;
    public int OutHeight, OutWidth, K;

    /// <summary>The weights (K, R S C), in panels.</summary>
    public float* W;

    public float* Dx;
    public int Height, Width, Channels;
    public bool Adds;
    public float* Gate;

    private int _bandRows;

    /// <summary>Tiles per image.</summary>
    public readonly int Bands => (Height + _bandRows - 1) / _bandRows;

    /// <summary>Elements in a row of the kernel.</summary>
    private readonly int KernelRow => Geometry.Kernel * Channels;

    private readonly nint ImageRow => (nint)Width * Channels;

    /// <summary>Makes bands as high as possible, but so that each core has two.</summary>
    public void ShareAmong(int cores, int images)
    {
        const int TilesPerCore = 2;
        int bands = (TilesPerCore * cores + images - 1) / images;
        _bandRows = Math.Max((Height + bands - 1) / bands, MinBandRows);
    }

    public readonly void Run(int tile, int worker)
    {
        (int image, int band) = Math.DivRem(tile, Bands);
        int top = band * _bandRows, bottom = Math.Min(top + _bandRows, Height);
        nint start = ((nint)image * Height + top) * ImageRow, count = (bottom - top) * ImageRow;
        if (!Adds)
            new Span<float>(Dx + start, (int)count).Clear();

        // The rows of dy whose patches reach into the band.
        int first = Math.Max(0, (top + Geometry.Padding - Geometry.Kernel + Geometry.Stride) / Geometry.Stride);
        int last = Math.Min(OutHeight - 1, (bottom - 1 + Geometry.Padding) / Geometry.Stride);
        for (int p = first; p <= last; p++)
        {
            for (int q = 0; q < OutWidth; q += BlockPixels)
                RunPixels(image, p, q, Math.Min(BlockPixels, OutWidth - q), top, bottom, worker);
        }
        if (Gate is null)
            return;
        for (nint i = start; i < start + count; i++)
            Dx[i] = Gate[i] <= 0f ? 0f : Dx[i];
    }

    /// <summary>Computes the patches of some pixels of a row of dy, and adds them, one block of columns after the other.</summary>
    private readonly void RunPixels(int image, int p, int q, int pixels, int top, int bottom, int worker)
    {
        float* patches = Scratch.Buffer(worker);
        RowTable rows = Scratch.Rows(worker);
        nint dy = (((nint)image * OutHeight + p) * OutWidth + q) * K;
        rows.Fill(new ProductRegion { A = dy, Height = 1, Width = pixels, AStrideW = K, YStrideW = BlockColumns }, 0, pixels);
        Tap all = default;
        int columns = Geometry.Kernel * KernelRow;
        for (int first = 0; first < columns; first += BlockColumns)
        {
            int end = Math.Min(first + BlockColumns, columns);
            for (int column = first, panel; column < end; column += panel)
            {
                panel = Kernels.NextPanel(columns - column);
                var block = new ProductBlock
                {
                    A = Dy,
                    AStep = 1,
                    B = W + (nint)column * K,
                    BStep = panel,
                    Taps = &all,
                    TapCount = 1,
                    Depth = K,
                    Y = patches + column - first,
                    ColumnCount = panel,
                };
                rows.Run(Kernels, block, panel, next: 0);
            }
            Spread(patches, image, p, q, pixels, first, end, top, bottom);
        }
    }

    /// <summary>
    /// Adds columns <paramref name="first"/> to <paramref name="end"/> - 1 of some pixels' patches to the image. The order of the terms is that of the
    /// panels, then that of the pixels: so the columns of a row of the kernel are cut where a panel ends, and all first pieces come before all second ones.
    /// Patches of adjacent pixels overlap. Between them are other rows, so that what was stored has arrived in the cache when it is loaded again.
    /// </summary>
    [SkipLocalsInit]
    private readonly void Spread(float* patches, int image, int p, int q, int pixels, int first, int end, int top, int bottom)
    {
        int corner = p * Geometry.Stride - Geometry.Padding;
        int firstRow = Math.Max(first / KernelRow, top - corner), endRow = Math.Min((end - 1) / KernelRow + 1, bottom - corner);
        float* patchTop = Dx + ((nint)image * Height + corner) * ImageRow;
        Piece* pieces = stackalloc Piece[BlockColumns];
        for (int cut = 0, count = 1; count > 0; cut++)
        {
            count = 0;
            for (int r = firstRow; r < endRow; r++)
            {
                int from = Math.Max(first, r * KernelRow), stop = Math.Min(end, (r + 1) * KernelRow);
                for (int i = 0; i < cut && from < stop; i++)
                    from = PanelEnd(from);
                if (from < stop)
                    pieces[count++] = new Piece(from - first, r * ImageRow, from - r * KernelRow, Math.Min(stop, PanelEnd(from)) - r * KernelRow);
            }
            Add(patches, patchTop, q, pixels, pieces, count);
        }
    }

    /// <summary>The first column behind the panel that a column is in.</summary>
    private readonly int PanelEnd(int column)
    {
        int columns = Geometry.Kernel * KernelRow, end = column / Kernels.Panel * Kernels.Panel;
        do
            end += Kernels.NextPanel(columns - end);
        while (end <= column);
        return end;
    }

    /// <summary>Adds some pieces of the patches of pixels to the image.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private readonly void Add(float* patches, float* patchTop, int q, int pixels, Piece* pieces, int count)
    {
        for (int i = 0; i < pixels; i++, patches += BlockColumns)
        {
            nint left = (nint)((q + i) * Geometry.Stride - Geometry.Padding) * Channels, right = ImageRow - left;
            for (Piece* piece = pieces; piece != pieces + count; piece++)
            {
                nint j = Math.Max(piece->From, -left), end = Math.Min(piece->End, right);
                float* from = patches + piece->Patch - piece->From, to = patchTop + piece->Image + left;
                for (; j <= end - Lanes128.Count; j += Lanes128.Count)
                    Lanes128.Store(Lanes128.Load(to + j) + Lanes128.Load(from + j), to + j);
                for (; j < end; j++)
                    to[j] += from[j];
            }
        }
    }

    /// <summary>
    /// Elements From to End - 1 of a row of the kernel: where From is in a pixel's block of columns, and how far the row of the image is below the patch's top.
    /// </summary>
    private readonly record struct Piece(nint Patch, nint Image, nint From, nint End);
}
