using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>
/// Two discs of radius 1 side by side, at (±<see cref="Apart"/>, 0), and their tangents from the tip at (0, -<see cref="Tip"/>), y up.
/// </summary>
internal sealed record Heart(double Apart, double Tip) : Form
{
    // The tangent from the tip touches the disc after this length, and runs in direction (_dx, _dy): the direction to the disc's centre
    // turned outwards by the angle whose sine is radius / distance.
    private readonly double _tangent = Math.Sqrt(Apart * Apart + Tip * Tip - 1);
    private readonly double _dx = (Apart * Math.Sqrt(Apart * Apart + Tip * Tip - 1) + Tip) / (Apart * Apart + Tip * Tip);
    private readonly double _dy = (Tip * Math.Sqrt(Apart * Apart + Tip * Tip - 1) - Apart) / (Apart * Apart + Tip * Tip);
    private readonly double _notch = Math.Sqrt(1 - Apart * Apart);

    // The circumscribed circle passes through the tip and touches both discs: centre (0, _middle).
    private readonly double _middle = (Apart * Apart - (Tip - 1) * (Tip - 1)) / (2 * (Tip - 1));

    public static Form Draw(RandomStream random) => new Heart(random.Uniform(0.74, 0.86), random.Uniform(1.55, 1.9));

    public override double Distance(double x, double y)
    {
        double radius = 1.02 * (_middle + Tip), u = Math.Abs(x) * radius, v = _middle - y * radius;
        double along = u * _dx + (v + Tip) * _dy, across = u * _dy - (v + Tip) * _dx;
        double wedge = Math.Max(across, Math.Max(along - _tangent, v - _notch));
        return Math.Min(Forms.Distance.Disc(u - Apart, v, 1), wedge) / radius;
    }
}
