using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A closed band of even width.</summary>
internal sealed record Ring(double HalfWidth) : Form
{
    public static Form Draw(RandomStream random) => new Ring(random.Uniform(0.1, 0.19));

    public override double Distance(double x, double y) =>
        Math.Abs(Forms.Distance.Length(x, y) - (0.98 - HalfWidth)) - HalfWidth;
}
