using Iba.Datasets;

namespace Iba.Shapes;

/// <summary>One picture of <see cref="ShapesDataset"/> with its class, mask and boxes.</summary>
public sealed class ShapesSample
{
    /// <summary>The class: a position in <see cref="ShapesDataset.Classes"/>.</summary>
    public required int Label { get; init; }

    /// <summary>Width and height in pixels.</summary>
    public required int Size { get; init; }

    /// <summary>Size x Size x 3, 8 bits, R,G,B interleaved.</summary>
    public required byte[] Rgb { get; init; }

    /// <summary>Size x Size: 255 where an object of the class is visible, else 0.</summary>
    public required byte[] Mask { get; init; }

    /// <summary>One to three boxes, one for each object: the tightest box around its pixels in the mask.</summary>
    public required IReadOnlyList<Box> Boxes { get; init; }
}
