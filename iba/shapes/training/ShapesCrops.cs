using Iba.Images;

namespace Iba.Shapes.Training;

/// <summary>Rendered images as the network's input: square crops, oriented and normalised.</summary>
/// <param name="source">The images.</param>
/// <param name="size">Rows and columns of a square.</param>
public sealed class ShapesCrops(ShapesImages source, int size)
{
    private readonly float[] _levels = Preprocessing.ImageNet.Levels();
    private readonly byte[] _image = new byte[source.ImageBytes];

    /// <summary>Rows and columns by which an image is larger than a crop.</summary>
    public int Margin => source.Side - size;

    /// <summary>The centre crop, as in <see cref="Preprocessing"/>.</summary>
    public void Read(int index, Span<float> to) => Read(index, to, Margin / 2, Margin / 2, position: 0);

    /// <summary>The square crop at (left, top) of an image, in one of a square's eight orientations.</summary>
    /// <param name="index">The image.</param>
    /// <param name="to">Size x size x 3 elements.</param>
    /// <param name="left">At most <see cref="Margin"/>.</param>
    /// <param name="top">At most <see cref="Margin"/>.</param>
    /// <param name="position">Bits 0 and 1 mirror it along either axis, bit 2 swaps the axes.</param>
    public void Read(int index, Span<float> to, int left, int top, int position)
    {
        source.Read(index, _image);
        (bool down, bool right, bool swap) = ((position & 1) != 0, (position & 2) != 0, (position & 4) != 0);
        int at = 0;
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++, at += 3)
            {
                (int y, int x) = swap ? (column, row) : (row, column);
                int from = ((top + (down ? size - 1 - y : y)) * source.Side + left + (right ? size - 1 - x : x)) * 3;
                for (int c = 0; c < 3; c++)
                    to[at + c] = _levels[3 * _image[from + c] + c];
            }
        }
    }
}
