using System.Numerics;

namespace Iba.Rendering;

/// <summary>
/// The legend of a map: an upright bar of its colours, ticks at round values, and the unit. Where the map is 0 the bar runs from the darkest to
/// the lightest grey that a photo has there.
/// </summary>
/// <param name="Scale">The values from the bar's lower to its upper end.</param>
/// <param name="Unit">The unit of the values, such as "bits / pixel".</param>
public sealed record ColourBar(Scale Scale, string Unit)
{
    /// <summary>Whether the map is drawn over a photo; the bar of a map alone has one colour for 0.</summary>
    public bool OverPhoto { get; init; } = true;

    /// <summary>Whether some values exceed the scale: the bar then ends in a point.</summary>
    public bool Above { get; init; }

    /// <summary>Whether some values are below the scale.</summary>
    public bool Below { get; init; }

    private static readonly Rgb Ink = Rgb.Grey(40);

    // In em: the bar, the tick, the space beside each, and the unit's line.
    private const double Bar = 1.1, Tick = 0.35, Gap = 0.35;

    private string Caption => Scale.Exponent == 0 ? Unit : $"× 1e{Scale.Exponent} {Unit}";

    /// <summary>The width of the bar with its labels, pixels.</summary>
    /// <param name="height">The bar's height, pixels.</param>
    /// <param name="size">The text's size, pixels per em.</param>
    public double Width(double height, double size) =>
        size * (Bar + Tick + Gap + Gap + StrokeFont.Ascent + StrokeFont.Descent)
        + Labels(height, size).Max(tick => StrokeFont.Width(tick.Label, size));

    /// <summary>Draws the bar with its top left corner at (x, y). Labels of the ends reach half a line above and below.</summary>
    public void Draw(Canvas canvas, double left, double top, double height, double size)
    {
        double right = left + Bar * size, bottom = top + height, line = Math.Max(1, size / 24);
        // Whole pixels, so that no seam shows between the bar and its points.
        double point = Math.Round(0.8 * size);
        (double barTop, double barBottom) = (Above ? top + point : top, Below ? bottom - point : bottom);
        Colormap colours = Colormap.For(Scale);
        for (int y = (int)barTop; y < barBottom; y++)
        {
            double from = Math.Max(y, barTop), to = Math.Min(y + 1, barBottom), place = 1 - (y + 0.5 - barTop) / (barBottom - barTop);
            for (double x = left; x < right; x++)
            {
                double across = OverPhoto ? 2 * (x + 0.5 - left) / (right - left) - 1 : 0;
                canvas.Fill(x, from, Math.Min(1, right - x), to - from, colours.OnBar(place, Math.Clamp(across, -1, 1)));
            }
        }
        double middle = (left + right) / 2;
        Vector2[] outline =
        [
            At(left, barTop), At(middle, top), At(right, barTop),
            At(right, barBottom), At(middle, bottom), At(left, barBottom),
        ];
        if (Above)
            canvas.Fill(outline.AsSpan(0, 3), colours[1]);
        if (Below)
            canvas.Fill(outline.AsSpan(3, 3), colours[0]);
        if (!Above)
            outline[1] = outline[0];
        if (!Below)
            outline[4] = outline[3];
        for (int i = 0; i < outline.Length; i++)
            canvas.Line(outline[i], outline[(i + 1) % outline.Length], line, Ink);

        double labels = right + (Tick + Gap) * size, labelsEnd = labels;
        foreach (Tick tick in Labels(height, size))
        {
            double y = barBottom - Scale.Place(tick.Value) * (barBottom - barTop);
            canvas.Line(At(right, y), At(right + Tick * size, y), line, Ink);
            canvas.Text(tick.Label, labels, y + StrokeFont.CapHeight / 2 * size, size, Ink);
            labelsEnd = Math.Max(labelsEnd, labels + StrokeFont.Width(tick.Label, size));
        }
        // The unit is written upwards beside the labels, smaller if the bar is short.
        double unitSize = Math.Min(size, size * height / StrokeFont.Width(Caption, size));
        double start = bottom - (height - StrokeFont.Width(Caption, unitSize)) / 2;
        canvas.Text(Caption, labelsEnd + (Gap + StrokeFont.Ascent) * size, start, unitSize, Ink, direction: TextDirection.Up);
    }

    // A label at every third line at most.
    private IReadOnlyList<Tick> Labels(double height, double size) => Scale.Ticks(Math.Clamp((int)(height / (3 * size)), 1, 6));

    private static Vector2 At(double x, double y) => new((float)x, (float)y);
}
