using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A wheel with a hole and evenly spaced teeth.</summary>
internal sealed record Gear(int Teeth, double Body, double Hole, double HalfTooth) : Form
{
    public static Form Draw(RandomStream random)
    {
        int teeth = 7 + random.Below(5);
        return new Gear(teeth, random.Uniform(0.7, 0.76), random.Uniform(0.26, 0.42), random.Uniform(1.5, 1.8) / teeth);
    }

    public override double Distance(double x, double y)
    {
        double radius = Forms.Distance.Length(x, y);
        // All teeth are equal: fold the plane onto the sector around one of them.
        double sector = Elementary.Angle(x, y) * Teeth, folded = (sector - Math.Floor(sector + 0.5)) / Teeth;
        double tx = radius * Elementary.Cos(folded), ty = Math.Abs(radius * Elementary.Sin(folded));
        // Teeth narrow outwards.
        double half = HalfTooth * (1 - 0.45 * Math.Clamp((tx - Body) / (1 - Body), 0, 1));
        double tooth = Math.Max(Math.Abs(tx - Body) - (0.95 - Body), ty - half);
        double wheel = Math.Min(radius - Body, tooth);
        return Math.Max(wheel, Hole - radius) - 0.02;
    }
}
