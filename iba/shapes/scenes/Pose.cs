using Iba.Shapes.Exact;

namespace Iba.Shapes.Scenes;

/// <summary>
/// The position of a form in the picture: its unit disc is scaled by <see cref="Scale"/>, stretched a little along one of its axes (as if seen
/// at an angle), perhaps mirrored, rotated, and moved to (<see cref="X"/>, <see cref="Y"/>). Lengths are in sides of the picture, y down.
/// </summary>
internal sealed record Pose(double X, double Y, double Scale, double Turn, double Stretch, bool Mirrored)
{
    private readonly double _cos = Elementary.Cos(Turn), _sin = Elementary.Sin(Turn);

    public static Pose Draw(RandomStream random, double x, double y, double scale) =>
        new(x, y, scale, random.Uniform(), random.Uniform(0.88, 1.12), random.Chance(0.5));

    /// <summary>Lower bound of the length in the picture of a unit length in the form's frame.</summary>
    public double Unit => Scale * Math.Min(Stretch, 1 / Stretch);

    /// <summary>Upper bound of the distance of the form's points from its centre.</summary>
    public double Reach => Scale * Math.Max(Stretch, 1 / Stretch);

    /// <summary>A point of the picture in the form's frame.</summary>
    public (double X, double Y) ToForm(double x, double y)
    {
        double dx = (x - X) / Scale, dy = (y - Y) / Scale;
        double u = (dx * _cos + dy * _sin) / Stretch, v = (dy * _cos - dx * _sin) * Stretch;
        return (u, Mirrored ? -v : v);
    }
}
