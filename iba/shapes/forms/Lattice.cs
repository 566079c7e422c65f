using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A square patch of crossed bars: a grate with <see cref="Bars"/> bars each way.</summary>
internal sealed record Lattice(int Bars, double Thickness, double Overhang) : Form
{
    public static Form Draw(RandomStream random)
    {
        int bars = 3 + random.Below(2);
        return new Lattice(bars, random.Uniform(0.2, 0.28) / bars, random.Uniform(0.03, 0.12));
    }

    public override double Distance(double x, double y)
    {
        const double Half = 0.69;
        double outer = Half - Thickness - Overhang, step = 2 * outer / (Bars - 1);
        return Math.Min(
            Forms.Distance.Box(x, y - Nearest(y), Half, Thickness), Forms.Distance.Box(x - Nearest(x), y, Thickness, Half)) - 0.01;

        double Nearest(double t) => Math.Clamp(Math.Floor((t + outer) / step + 0.5), 0, Bars - 1) * step - outer;
    }
}
