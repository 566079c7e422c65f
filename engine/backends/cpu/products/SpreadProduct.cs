using System.Runtime.CompilerServices;
using Engine.Backends.Cpu.Simd;
using Engine.Tensors;

namespace Engine.Backends.Cpu.Products;

/// <summary>
/// dx (+)= the transposed convolution of dy for images of a few channels, which would leave most of a <see cref="Product"/>'s registers empty: dy (pixels, K)
/// times the weights as they lie, (K, R S C), is what every pixel of dy has for its whole window, and is added to the image there. A tile is a
/// band of an image's lines; what its neighbours need as well it computes for itself. Terms are added in the order of dy's pixels: the cut changes no bit.
/// </summary>
internal unsafe struct SpreadProduct : ITiles
{
    /// <summary>Channels up to which it is used: the colours of a picture.</summary>
    public const int MaxChannels = 4;

    /// <summary>Lines of a band: enough that little is computed twice.</summary>
    private const int BandLines = 28;

    public ProductKernels Kernels;
    public ProductScratch Scratch;
    public ConvGeometry Geometry;
    public float* Dy;
    public int OutHeight, OutWidth, K;

    /// <summary>The weights in panels, (K, R S C).</summary>
    public float* W;

    public float* Dx;
    public int Height, Width, Channels;
    public bool Adds;
    public float* Gate;

    /// <summary>How many tiles an image has.</summary>
    public readonly int Bands => (Height + BandLines - 1) / BandLines;

    /// <summary>Numbers in a line of the window.</summary>
    private readonly int TapLine => Geometry.Kernel * Channels;

    private readonly nint Line => (nint)Width * Channels;

    public readonly void Run(int tile, int worker)
    {
        (int image, int band) = Math.DivRem(tile, Bands);
        int top = band * BandLines, bottom = Math.Min(top + BandLines, Height);
        nint place = ((nint)image * Height + top) * Line, count = (bottom - top) * Line;
        if (!Adds)
            new Span<float>(Dx + place, (int)count).Clear();

        // The lines of dy whose windows reach into the band.
        int first = Math.Max(0, (top + Geometry.Padding - Geometry.Kernel + Geometry.Stride) / Geometry.Stride);
        int last = Math.Min(OutHeight - 1, (bottom - 1 + Geometry.Padding) / Geometry.Stride);
        for (int p = first; p <= last; p++)
        {
            for (int q = 0; q < OutWidth; q += Product.MaxRows)
                RunPixels(image, p, q, Math.Min(Product.MaxRows, OutWidth - q), top, bottom, worker);
        }
        if (Gate is null)
            return;
        for (nint i = place; i < place + count; i++)
            Dx[i] = Gate[i] <= 0f ? 0f : Dx[i];
    }

    /// <summary>Some pixels of a line of dy: their windows, a panel of numbers at a time.</summary>
    private readonly void RunPixels(int image, int p, int q, int pixels, int top, int bottom, int worker)
    {
        float* windows = Scratch.Buffer(worker);
        RowTable rows = Scratch.Rows(worker);
        nint dy = (((nint)image * OutHeight + p) * OutWidth + q) * K;
        rows.Fill(new ProductRegion { A = dy, Height = 1, Width = pixels, AStrideW = K, YStrideW = ProductKernels.MaxPanel }, 0, pixels);
        Tap all = default;
        int columns = Geometry.Kernel * TapLine, corner = p * Geometry.Stride - Geometry.Padding;
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
                Y = windows,
                ColumnCount = panel,
            };
            rows.Run(Kernels, block, panel, next: 0);
            int end = Math.Min(column + panel, columns);
            for (int r = Math.Max(column / TapLine, top - corner); r * TapLine < end && corner + r < bottom; r++)
            {
                int from = Math.Max(column, r * TapLine), to = Math.Min(end, (r + 1) * TapLine);
                Spread(windows + from - column, Dx + ((nint)image * Height + corner + r) * Line, q, pixels, from - r * TapLine, to - from);
            }
        }
    }

    /// <summary>Adds numbers <paramref name="first"/> to first + <paramref name="count"/> of a line of some pixels' windows to the image's line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Spread(float* windows, float* line, int q, int pixels, int first, int count)
    {
        for (int i = 0; i < pixels; i++, windows += ProductKernels.MaxPanel)
        {
            nint at = (nint)((q + i) * Geometry.Stride - Geometry.Padding) * Channels + first;
            nint j = Math.Max(0, -at), end = Math.Min(count, Line - at);
            float* to = line + at;
            for (; j <= end - Lanes128.Count; j += Lanes128.Count)
                Lanes128.Store(Lanes128.Load(to + j) + Lanes128.Load(windows + j), to + j);
            for (; j < end; j++)
                to[j] += windows[j];
        }
    }
}
