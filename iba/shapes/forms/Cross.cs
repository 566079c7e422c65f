using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>Two equal bars at right angles: a plus.</summary>
internal sealed record Cross(double Arm) : Form
{
    public static Form Draw(RandomStream random) => new Cross(random.Uniform(0.2, 0.32));

    public override double Distance(double x, double y)
    {
        const double Length = 0.9, Rounding = 0.05;
        double ax = Math.Abs(x), ay = Math.Abs(y);
        double bars = Math.Min(
            Forms.Distance.Box(ax, ay, Length, Arm - Rounding), Forms.Distance.Box(ax, ay, Arm - Rounding, Length));
        return bars - Rounding;
    }
}
