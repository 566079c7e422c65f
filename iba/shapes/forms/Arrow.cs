using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A shaft with a triangular head; the head's wings may sweep back.</summary>
internal sealed record Arrow(double Shaft, double HeadLength, double HeadWidth, double Sweep) : Form
{
    private readonly Polygon _outline = new(
        (0.97, 0), (0.97 - HeadLength - Sweep, HeadWidth), (0.97 - HeadLength, Shaft), (-0.95, Shaft),
        (-0.95, -Shaft), (0.97 - HeadLength, -Shaft), (0.97 - HeadLength - Sweep, -HeadWidth));

    public static Form Draw(RandomStream random) => new Arrow(
        random.Uniform(0.13, 0.2), random.Uniform(0.6, 0.8), random.Uniform(0.48, 0.6), random.Uniform(-0.02, 0.18));

    public override double Distance(double x, double y) => _outline.Distance(x, y) - 0.03;
}
