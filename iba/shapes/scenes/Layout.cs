using Iba.Shapes.Exact;
using Iba.Shapes.Forms;

namespace Iba.Shapes.Scenes;

/// <summary>The positions of objects and fragments: apart from each other, objects completely inside the picture.</summary>
internal static class Layout
{
    private const double Margin = 0.015;

    /// <summary>
    /// The side of an object's box if it were square, for one, two and three objects: the boxes of a picture, which do not overlap,
    /// cover 3 to 30 % of it together.
    /// </summary>
    private static readonly (double From, double To)[] Sides = [(0.19, 0.54), (0.17, 0.38), (0.16, 0.31)];

    public static IReadOnlyList<Solid> Objects(RandomStream random, FormClass formClass, Palette palette)
    {
        double draw = random.Uniform();
        int count = draw < 0.55 ? 1 : draw < 0.83 ? 2 : 3;
        var (from, to) = Sides[count - 1];
        List<Solid> objects = [];
        List<(double X, double Y, double Width, double Height)> boxes = [];
        for (int i = 0; i < count; i++)
        {
            var solid = new Solid(formClass.Draw(random), Pose.Draw(random, 0, 0, 1), Material.Draw(random, palette));
            double side = random.Uniform(from, to);
            // Scaled by the area of the box, not by its side: otherwise a thin upright form would be much smaller than the same form at 45°.
            var (width, height) = solid.Extent();
            double scale = Math.Min(side / Math.Sqrt(width * height), (1 - 2 * Margin) / Math.Max(width, height) * 0.95);
            (width, height) = (width * scale, height * scale);
            if (Place(random, width, height, boxes) is not var (x, y))
                continue;
            boxes.Add((x, y, width, height));
            objects.Add(solid with { Pose = solid.Pose with { X = x, Y = y, Scale = scale } });
        }
        return objects;
    }

    public static IReadOnlyList<Solid> Fragments(RandomStream random, Palette palette, IReadOnlyList<Solid> objects)
    {
        List<Solid> fragments = [];
        int wanted = 5 + random.Below(8);
        for (int attempt = 0; attempt < 60 && fragments.Count < wanted; attempt++)
        {
            double scale = random.Uniform(0.035, 0.14);
            Pose pose = Pose.Draw(random, random.Uniform(), random.Uniform(), scale);
            var fragment = new Solid(Forms.Fragments.Draw(random), pose, Material.Draw(random, palette));
            if (objects.All(o => Apart(fragment, o)) && fragments.All(f => Apart(fragment, f)))
                fragments.Add(fragment);
        }
        return fragments;
    }

    // Fragments that touch an object or each other could form an object of some class.
    private static bool Apart(Solid a, Solid b) =>
        Forms.Distance.Length(a.Pose.X - b.Pose.X, a.Pose.Y - b.Pose.Y) > (a.Pose.Reach + b.Pose.Reach) * 0.97 + 0.005;

    private static (double X, double Y)? Place(
        RandomStream random, double width, double height, List<(double X, double Y, double Width, double Height)> taken)
    {
        for (int attempt = 0; attempt < 60; attempt++)
        {
            double x = random.Uniform(Margin + width / 2, 1 - Margin - width / 2);
            double y = random.Uniform(Margin + height / 2, 1 - Margin - height / 2);
            if (taken.All(t =>
                Math.Abs(x - t.X) > (width + t.Width) / 2 + 2 * Margin || Math.Abs(y - t.Y) > (height + t.Height) / 2 + 2 * Margin))
            {
                return (x, y);
            }
        }
        return null;
    }
}
