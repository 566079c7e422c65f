using Iba.Rendering;

namespace Iba.Shapes;

/// <summary>An overview picture of a data set: a column for each class, its name below.</summary>
public static class ContactSheet
{
    /// <summary>Draws the first images of each class.</summary>
    /// <param name="dataset">Its size is that of a tile.</param>
    /// <param name="rows">Images of each class.</param>
    public static Canvas Draw(ShapesDataset dataset, int rows = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        int columns = ShapesDataset.Classes.Count, tile = dataset.Size, gap = Math.Max(tile / 24, 2), step = tile + gap;
        double font = tile * 0.15;
        int caption = (int)Math.Ceiling(font * StrokeFont.LineHeight);
        var sheet = new Canvas(columns * step + gap, rows * step + gap + caption, Rgb.Grey(255));
        for (int i = 0; i < rows * columns; i++)
            sheet.Blit(dataset.Render(i).Rgb, tile, tile, gap + i % columns * step, gap + i / columns * step);
        for (int column = 0; column < columns; column++)
        {
            string name = ShapesDataset.Classes[column];
            double left = gap + column * step + (tile - StrokeFont.Width(name, font)) / 2;
            sheet.Text(name, left, gap + rows * step + font * StrokeFont.Ascent, font, Rgb.Grey(40));
        }
        return sheet;
    }
}
