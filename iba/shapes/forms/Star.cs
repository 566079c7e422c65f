using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>Five points.</summary>
internal sealed record Star(double Waist) : Form
{
    private readonly Polygon _outline = new(Corners(0.96, Waist));

    public static Form Draw(RandomStream random) => new Star(random.Uniform(0.36, 0.5));

    public override double Distance(double x, double y) => _outline.Distance(x, y) - 0.03;

    private static (double X, double Y)[] Corners(double tip, double waist)
    {
        var corners = new (double, double)[10];
        for (int i = 0; i < corners.Length; i++)
        {
            double radius = i % 2 == 0 ? tip : waist;
            corners[i] = (radius * Elementary.Cos(i / 10.0), radius * Elementary.Sin(i / 10.0));
        }
        return corners;
    }
}
