using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>
/// dx (+)= the transposed convolution of dy, for images with so few channels that most registers of a <see cref="Product"/> would stay
/// empty. dy (pixels, K) times the unpacked weights (K, R S C) gives the contribution of each pixel of dy to its patch of the image, and is
/// added there (col2im). A tile is a band of image rows; contributions that reach into two bands are computed for both. Terms are added in
/// the order of dy's pixels, so the bands change no bit.
/// </summary>
internal unsafe struct SpreadProduct : ITiles
{
    /// <summary>Upper bound of the channels for which it is used: pictures have one, three or four.</summary>
    public const int MaxChannels = 4;

    /// <summary>Rows of a band: enough that little is computed twice.</summary>
    private const int BandRows = 28;

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

    /// <summary>Tiles per image.</summary>
    public readonly int Bands => (Height + BandRows - 1) / BandRows;

    /// <summary>Elements in a row of the kernel.</summary>
    private readonly int KernelRow => Geometry.Kernel * Channels;

    private readonly nint ImageRow => (nint)Width * Channels;

    public readonly void Run(int tile, int worker)
    {
        (int image, int band) = Math.DivRem(tile, Bands);
        int top = band * BandRows, bottom = Math.Min(top + BandRows, Height);
        nint start = ((nint)image * Height + top) * ImageRow, count = (bottom - top) * ImageRow;
        if (!Adds)
            new Span<float>(Dx + start, (int)count).Clear();

        // The rows of dy whose patches reach into the band.
        int first = Math.Max(0, (top + Geometry.Padding - Geometry.Kernel + Geometry.Stride) / Geometry.Stride);
        int last = Math.Min(OutHeight - 1, (bottom - 1 + Geometry.Padding) / Geometry.Stride);
        for (int p = first; p <= last; p++)
        {
            for (int q = 0; q < OutWidth; q += Product.MaxRows)
                RunPixels(image, p, q, Math.Min(Product.MaxRows, OutWidth - q), top, bottom, worker);
        }
        if (Gate is null)
            return;
        for (nint i = start; i < start + count; i++)
            Dx[i] = Gate[i] <= 0f ? 0f : Dx[i];
    }

    /// <summary>Computes the patches of some pixels of a row of dy, one panel at a time.</summary>
    private readonly void RunPixels(int image, int p, int q, int pixels, int top, int bottom, int worker)
    {
        float* patches = Scratch.Buffer(worker);
        RowTable rows = Scratch.Rows(worker);
        nint dy = (((nint)image * OutHeight + p) * OutWidth + q) * K;
        rows.Fill(new ProductRegion { A = dy, Height = 1, Width = pixels, AStrideW = K, YStrideW = ProductKernels.MaxPanel }, 0, pixels);
        Tap all = default;
        int columns = Geometry.Kernel * KernelRow, corner = p * Geometry.Stride - Geometry.Padding;
        for (int column = 0, panel; column < columns; column += panel)
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
                Y = patches,
                ColumnCount = panel,
            };
            rows.Run(Kernels, block, panel, next: 0);
            int end = Math.Min(column + panel, columns);
            for (int r = Math.Max(column / KernelRow, top - corner); r * KernelRow < end && corner + r < bottom; r++)
            {
                int from = Math.Max(column, r * KernelRow), to = Math.Min(end, (r + 1) * KernelRow);
                float* imageRow = Dx + ((nint)image * Height + corner + r) * ImageRow;
                Spread(patches + from - column, imageRow, q, pixels, from - r * KernelRow, to - from);
            }
        }
    }

    /// <summary>
    /// Adds elements <paramref name="first"/> to first + <paramref name="count"/> - 1 of a row of some pixels' patches to a row of the
    /// image.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Spread(float* patches, float* imageRow, int q, int pixels, int first, int count)
    {
        for (int i = 0; i < pixels; i++, patches += ProductKernels.MaxPanel)
        {
            nint at = (nint)((q + i) * Geometry.Stride - Geometry.Padding) * Channels + first;
            nint j = Math.Max(0, -at), end = Math.Min(count, ImageRow - at);
            float* to = imageRow + at;
            for (; j <= end - Lanes128.Count; j += Lanes128.Count)
                Lanes128.Store(Lanes128.Load(to + j) + Lanes128.Load(patches + j), to + j);
            for (; j < end; j++)
                to[j] += patches[j];
        }
    }
}
