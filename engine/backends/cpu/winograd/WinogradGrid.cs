using Engine.Backends.Cpu.Products;
using Engine.Tensors;

namespace Engine.Backends.Cpu.Winograd;

/// <summary>
/// The tiles of a Winograd convolution on a batch of images, line by line; those at the far edges are cut. Window 3 x 3, stride 1 and
/// padding 1: results and pixels lie alike, and forward and backward are the same convolution with other weights.
/// </summary>
/// <param name="Images">How many.</param>
/// <param name="Height">Lines of an image.</param>
/// <param name="Width">Pixels of a line.</param>
/// <param name="In">Channels of what is read, a multiple of <see cref="Multiple"/>.</param>
/// <param name="Out">Channels of the result, a multiple of <see cref="Multiple"/>.</param>
internal readonly record struct WinogradGrid(int Images, int Height, int Width, int In, int Out)
{
    /// <summary>Channels come in whole registers, of the widest machine.</summary>
    private const int Multiple = 16;

    private int Lines => (Height + WinogradTransform.TileSize - 1) / WinogradTransform.TileSize;

    private int Columns => (Width + WinogradTransform.TileSize - 1) / WinogradTransform.TileSize;

    /// <summary>Tiles in the batch.</summary>
    public int Count => Images * Lines * Columns;

    /// <summary>Whether it can be done at all.</summary>
    public static bool Fits(ConvGeometry geometry, int c, int k) =>
        geometry is { Kernel: WinogradTransform.KernelSize, Stride: 1, Padding: 1 } && c % Multiple == 0 && k % Multiple == 0;

    /// <summary>
    /// Whether it is faster than <see cref="Product"/>, which multiplies nothing by the padding's zeros: (3 H - 2)(3 W - 2) times an image
    /// and pair of channels against 36 times a tile and pair, which tiles that stick out and few channels make dearer. Measured at batch 10:
    /// transforms take, per tile and channel, the time of Points x 26 products, and the products run at about 4/5 of the
    /// speed of a direct convolution's. Neither the batch nor a clock is asked, because a result depends on neither.
    /// </summary>
    public bool IsFaster
    {
        get
        {
            const double Transforms = 26, Slower = 1.3;
            double direct = (3.0 * Height - 2) * (3.0 * Width - 2) * In * Out;
            double winograd = WinogradTransform.Points * (double)(Lines * Columns) * ((double)In * Out + Transforms * (In + Out));
            return direct > Slower * winograd;
        }
    }

    /// <summary>The image of a tile, and line and pixel of its first result.</summary>
    public (int Image, int Line, int Pixel) Place(int tile)
    {
        (int line, int column) = Math.DivRem(tile, Columns);
        (int image, line) = Math.DivRem(line, Lines);
        return (image, line * WinogradTransform.TileSize, column * WinogradTransform.TileSize);
    }
}
