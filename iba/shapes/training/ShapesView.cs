using Iba.Datasets;
using Iba.Images;

namespace Iba.Shapes.Training;

/// <summary>The part of a scene that is visible.</summary>
public enum ShapesView
{
    /// <summary>The whole scene, as in later use of the network.</summary>
    Scene,

    /// <summary>The square around its largest object at a random distance: the first stage of training, with few pixels.</summary>
    CloseUp,
}

/// <summary>Cuts a view out of a picture.</summary>
internal static class ShapesViews
{
    // The side of the view relative to the object's longer side, for the nearest view and the farthest.
    private const double Nearest = 1.2, Farthest = 2.2;
    private const int Distances = 11;

    /// <summary>A square photo of image <paramref name="index"/>.</summary>
    public static Photo Render(this ShapesView view, ShapesDataset dataset, int index)
    {
        ShapesSample sample = dataset.Render(index);
        if (view == ShapesView.Scene)
            return new Photo(sample.Rgb, sample.Size, sample.Size, "shapes");

        Box box = sample.Boxes.MaxBy(Extent);
        // Eleven distances and ten classes take turns, so that the distance does not tell the class.
        double zoom = Nearest + (Farthest - Nearest) * (index % Distances) / (Distances - 1);
        int side = Math.Min((int)(zoom * Extent(box)), sample.Size);
        int left = Math.Clamp((box.XMin + box.XMax - side) / 2, 0, sample.Size - side);
        int top = Math.Clamp((box.YMin + box.YMax - side) / 2, 0, sample.Size - side);
        byte[] cut = new byte[side * side * 3];
        for (int row = 0; row < side; row++)
            sample.Rgb.AsSpan(((top + row) * sample.Size + left) * 3, side * 3).CopyTo(cut.AsSpan(row * side * 3));
        return new Photo(cut, side, side, "shapes");
    }

    private static int Extent(Box box) => Math.Max(box.XMax - box.XMin, box.YMax - box.YMin);
}
