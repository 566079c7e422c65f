using Iba.Shapes.Exact;
using Iba.Shapes.Forms;
using Xunit;

namespace Tests.Shapes;

public class FormTests
{
    private static readonly IEnumerable<(string Name, Func<RandomStream, Form> Draw)> Drawn =
        [.. FormClass.All.Select(c => (c.Name, c.Draw)), ("fragment", Fragments.Draw)];

    private static IEnumerable<(string Name, Form Form)> Variants() =>
        Drawn.SelectMany(d => Enumerable.Range(0, 16).Select(i => (d.Name, d.Draw(new RandomStream(5, i)))));

    [Fact]
    public void Every_form_lies_inside_the_unit_disc()
    {
        foreach (var (name, form) in Variants())
        {
            for (int i = 0; i < 360; i++)
            {
                double distance = form.Distance(Elementary.Cos(i / 360.0), Elementary.Sin(i / 360.0));
                Assert.True(distance > 0, $"{name} {form} reaches past 1 at {i}°");
            }
        }
    }

    [Fact]
    public void Every_form_fills_a_fair_part_of_the_disc()
    {
        foreach (var (name, form) in Variants())
        {
            double inside = Grid(100).Count(p => form.Distance(p.X, p.Y) < 0) / (100 * 100 * Math.PI / 4);
            Assert.InRange(inside, 0.08, 0.9);
        }
    }

    // |∇d| = 1 for a distance. Sheared and tapered edges are off by up to 15 %, and creases (medial axis, corners) have no gradient:
    // one point in twenty may be one.
    [Fact]
    public void Near_the_edge_the_distance_changes_as_fast_as_one_moves()
    {
        const double Step = 1e-4;
        foreach (var (name, form) in Variants())
        {
            double[] slopes =
            [
                .. Grid(160).Where(p => Math.Abs(form.Distance(p.X, p.Y)) < 0.03).Select(p =>
                {
                    double dx = form.Distance(p.X + Step, p.Y) - form.Distance(p.X - Step, p.Y);
                    double dy = form.Distance(p.X, p.Y + Step) - form.Distance(p.X, p.Y - Step);
                    return Math.Sqrt(dx * dx + dy * dy) / (2 * Step);
                }),
            ];
            double right = slopes.Count(s => s is > 0.85 and < 1.15) / (double)slopes.Length;
            Assert.True(right > 0.95, $"{name} {form}: only {right:P1} of the points near the edge have slope 1");
        }
    }

    [Fact]
    public void A_polygon_measures_to_its_nearest_point()
    {
        (double X, double Y)[] corners = [(0.9, 0.1), (0.2, 0.8), (-0.7, 0.3), (0, 0), (-0.4, -0.8)];
        var polygon = new Polygon(corners);
        (double X, double Y)[] outline =
        [
            .. corners.SelectMany((a, i) => Enumerable.Range(0, 2000).Select(t =>
            {
                var b = corners[(i + 1) % corners.Length];
                return (a.X + (b.X - a.X) * t / 2000, a.Y + (b.Y - a.Y) * t / 2000);
            })),
        ];
        foreach (var (x, y) in Grid(21))
            Assert.Equal(outline.Min(p => Distance.Length(x - p.X, y - p.Y)), Math.Abs(polygon.Distance(x, y)), 1e-3);
        Assert.True(polygon.Distance(0.2, 0.3) < 0);
        Assert.True(polygon.Distance(-0.3, -0.1) > 0);
    }

    private static IEnumerable<(double X, double Y)> Grid(int steps) =>
        Enumerable.Range(0, steps * steps).Select(i => (2 * (i % steps + 0.5) / steps - 1, 2 * (i / steps + 0.5) / steps - 1));
}
