using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A band of even width along Archimedes' spiral r = pitch · φ (φ in turns), with round ends.</summary>
internal sealed record Spiral(double Turns, double Fill) : Form
{
    private const double Start = 0.35;
    private readonly double _pitch = 0.97 / (Turns + Fill / 2), _half = 0.97 / (Turns + Fill / 2) * Fill / 2;

    public static Form Draw(RandomStream random) => new Spiral(random.Uniform(2.2, 3.0), random.Uniform(0.42, 0.54));

    public override double Distance(double x, double y)
    {
        double radius = Forms.Distance.Length(x, y), angle = Elementary.Angle(x, y);
        // φ of the winding nearest to this point among those at its angle, kept on the curve.
        double winding = Math.Floor(radius / _pitch - angle + 0.5);
        double lowest = Math.Ceiling(Start - angle), highest = Math.Floor(Turns - angle);
        double along = Math.Clamp(winding, lowest, highest) + angle;
        // The radial distance times the sine of the angle between radius and curve is the distance to first order.
        double slope = _pitch / (2 * Math.PI * Math.Max(radius, _half));
        double band = Math.Abs(radius - along * _pitch) / Math.Sqrt(1 + slope * slope);
        return Math.Min(band, Math.Min(End(Start), End(Turns))) - _half;

        double End(double turns) =>
            Forms.Distance.Length(x - turns * _pitch * Elementary.Cos(turns), y - turns * _pitch * Elementary.Sin(turns));
    }
}
