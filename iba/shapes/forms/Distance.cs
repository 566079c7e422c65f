using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>Signed distances to primitive figures, which are centred at the origin unless a position is given.</summary>
internal static class Distance
{
    public static double Length(double x, double y) => Math.Sqrt(x * x + y * y);

    public static double Disc(double x, double y, double radius) => Length(x, y) - radius;

    /// <summary>A box of half width <paramref name="w"/> and half height <paramref name="h"/>.</summary>
    public static double Box(double x, double y, double w, double h)
    {
        double dx = Math.Abs(x) - w, dy = Math.Abs(y) - h;
        return dx > 0 && dy > 0 ? Length(dx, dy) : Math.Max(dx, dy);
    }

    /// <summary>The segment from (ax, ay) to (bx, by), thickened by <paramref name="radius"/>: a bar with round ends.</summary>
    public static double Bar(double x, double y, double ax, double ay, double bx, double by, double radius)
    {
        double ex = bx - ax, ey = by - ay, px = x - ax, py = y - ay;
        double along = Math.Clamp((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1);
        return Length(px - ex * along, py - ey * along) - radius;
    }

    /// <summary>
    /// A band of half width <paramref name="half"/> along a circle, from -<paramref name="reach"/> to +<paramref name="reach"/> turns
    /// from the x axis, with round ends.
    /// </summary>
    public static double Arc(double x, double y, double radius, double half, double reach)
    {
        double end = Math.Abs(Elementary.Angle(x, y)) - reach;
        if (end <= 0)
            return Math.Abs(Length(x, y) - radius) - half;
        return Length(x - radius * Elementary.Cos(reach), Math.Abs(y) - radius * Elementary.Sin(reach)) - half;
    }
}
