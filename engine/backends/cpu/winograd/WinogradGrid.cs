using Iba.Engine.Backends.Cpu.Products;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cpu.Winograd;

/// <summary>
/// The tiles of a Winograd convolution of a batch of images, row by row; tiles at the right and bottom edges may overrun the image. With a
/// 3 x 3 kernel, stride 1 and padding 1, input and output have the same size, and the gradient of the data is the same convolution with
/// other weights.
/// </summary>
/// <param name="Images">Number of images.</param>
/// <param name="Height">Rows of an image.</param>
/// <param name="Width">Columns of an image.</param>
/// <param name="In">Input channels, a multiple of <see cref="ChannelMultiple"/>.</param>
/// <param name="Out">Output channels, a multiple of <see cref="ChannelMultiple"/>.</param>
/// <param name="Halo">Pixels on each side that the input has besides: 0 where they are padding, 1 where it is a window with what lies around it.</param>
internal readonly record struct WinogradGrid(int Images, int Height, int Width, int In, int Out, int Halo = 0)
{
    /// <summary>Channels must fill whole registers, even the widest.</summary>
    private const int ChannelMultiple = 16;

    private int TileRows => (Height + WinogradTransform.TileSize - 1) / WinogradTransform.TileSize;

    private int TileColumns => (Width + WinogradTransform.TileSize - 1) / WinogradTransform.TileSize;

    /// <summary>Tiles in the batch.</summary>
    public int Count => Images * TileRows * TileColumns;

    /// <summary>Whether Winograd can compute this convolution.</summary>
    public static bool Fits(ConvGeometry geometry, int c, int k) =>
        geometry is { Kernel: WinogradTransform.KernelSize, Stride: 1, Padding: 1 } && c % ChannelMultiple == 0 && k % ChannelMultiple == 0;

    /// <summary>
    /// Cost model: use Winograd if direct multiplications exceed 1.3 times its own. <see cref="Product"/> skips padding and takes
    /// (3 H - 2)(3 W - 2) multiplications per image and pair of channels. Winograd takes 36 per tile and pair, also in tiles that overrun
    /// the image; its transforms cost as much as Points x 26 multiplications per tile and channel, and its products run at about 4/5 of the
    /// speed of a direct convolution (both measured at batch 10). The model uses the shape only, so results depend neither on the batch nor
    /// on timing.
    /// </summary>
    public bool IsFaster
    {
        get
        {
            const double Transforms = 26, Overhead = 1.3;
            double direct = (3.0 * Height - 2) * (3.0 * Width - 2) * In * Out;
            double winograd = WinogradTransform.Points * (double)(TileRows * TileColumns) * ((double)In * Out + Transforms * (In + Out));
            return direct > Overhead * winograd;
        }
    }

    /// <summary>The image of a tile, and the row and column of its first result.</summary>
    public (int Image, int Row, int Column) Position(int tile)
    {
        (int row, int column) = Math.DivRem(tile, TileColumns);
        (int image, row) = Math.DivRem(row, TileRows);
        return (image, row * WinogradTransform.TileSize, column * WinogradTransform.TileSize);
    }
}
