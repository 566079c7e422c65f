using Iba.Shapes.Exact;
using Iba.Shapes.Forms;

namespace Iba.Shapes.Scenes;

/// <summary>A form with its pose and material.</summary>
internal sealed record Solid(Form Form, Pose Pose, Material Material)
{
    /// <summary>Signed distance from a point of the picture to the edge, in sides of the picture.</summary>
    public double Distance(double x, double y)
    {
        var (u, v) = Pose.ToForm(x, y);
        return Form.Distance(u, v) * Pose.Unit;
    }

    /// <summary>Width and height of the form's axis-aligned bounding box, in sides of the picture, to about 2 %.</summary>
    public (double Width, double Height) Extent()
    {
        const int Steps = 48;
        int left = Steps, right = 0, top = Steps, bottom = 0;
        double reach = Pose.Reach * 1.02, step = 2 * reach / Steps;
        for (int row = 0; row < Steps; row++)
        {
            for (int column = 0; column < Steps; column++)
            {
                if (Distance(Pose.X - reach + (column + 0.5) * step, Pose.Y - reach + (row + 0.5) * step) > 0)
                    continue;
                (left, right) = (Math.Min(left, column), Math.Max(right, column + 1));
                (top, bottom) = (Math.Min(top, row), Math.Max(bottom, row + 1));
            }
        }
        return ((right - left) * step, (bottom - top) * step);
    }
}

/// <summary>
/// Colours, texture and finish of a solid. Lengths are in units of the form's own size, except <see cref="Softness"/> (half the width of
/// its blurred edge) and <see cref="Lift"/> (how far it hovers over the ground: the shadow's offset), in sides of the picture.
/// </summary>
internal sealed record Material(
    Colour Colour, Colour Second, Texture Texture, double TextureScale, double Pattern, double Relief, double Bevel, double BevelLight,
    double Softness, double Lift, double Shadow)
{
    public static Material Draw(RandomStream random, Palette palette)
    {
        Colour colour = random.Pick(palette.Objects);
        Colour second = colour.Mix(random.Pick(palette.Objects), random.Uniform(0.1, 0.45)) * random.Uniform(0.75, 1.25);
        return new Material(
            colour, second, Texture.Draw(random), random.Uniform(2.5, 6), random.Uniform(0.1, 0.55), random.Uniform(0, 0.25),
            random.Uniform(0.05, 0.22), random.Uniform(0.25, 0.6),
            random.Chance(0.3) ? random.Uniform(0.002, 0.005) : 0, random.Uniform(0.004, 0.022), random.Uniform(0.25, 0.6));
    }
}
