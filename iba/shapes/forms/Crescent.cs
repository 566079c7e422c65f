using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A disc minus a shifted disc: thick in the middle, pointed at both ends.</summary>
internal sealed record Crescent(double Bite, double Offset) : Form
{
    public static Form Draw(RandomStream random)
    {
        double bite = random.Uniform(0.74, 0.86);
        return new Crescent(bite, 1 - bite + random.Uniform(0.22, 0.38));
    }

    public override double Distance(double x, double y) =>
        Math.Max(Forms.Distance.Disc(x, y, 0.98), -Forms.Distance.Disc(x - Offset, y, Bite));
}
