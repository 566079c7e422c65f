namespace Iba.Shapes.Forms;

/// <summary>The exact distance to a simple polygon; the sign comes from the even-odd rule.</summary>
internal sealed class Polygon
{
    private readonly (double X, double Y, double Dx, double Dy, double InverseSquare)[] _edges;

    public Polygon(params ReadOnlySpan<(double X, double Y)> corners)
    {
        _edges = new (double, double, double, double, double)[corners.Length];
        for (int i = 0; i < corners.Length; i++)
        {
            var (a, b) = (corners[i], corners[(i + 1) % corners.Length]);
            double dx = b.X - a.X, dy = b.Y - a.Y;
            _edges[i] = (a.X, a.Y, dx, dy, 1 / (dx * dx + dy * dy));
        }
    }

    public double Distance(double x, double y)
    {
        double nearest = double.MaxValue;
        bool inside = false;
        foreach (var (ax, ay, dx, dy, inverseSquare) in _edges)
        {
            double px = x - ax, py = y - ay;
            double along = Math.Clamp((px * dx + py * dy) * inverseSquare, 0, 1);
            double ex = px - dx * along, ey = py - dy * along;
            nearest = Math.Min(nearest, ex * ex + ey * ey);
            // The ray from the point towards +x crosses this edge: the edge spans the point's y and passes to its right.
            if (py < 0 != py - dy < 0 && (px * dy < py * dx) == dy > 0)
                inside = !inside;
        }
        double distance = Math.Sqrt(nearest);
        return inside ? -distance : distance;
    }
}
