using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>Figures that belong to no class. They are painted like the objects, so colour, texture and edges do not reveal the class.</summary>
internal static class Fragments
{
    private static readonly IReadOnlyList<Func<RandomStream, Form>> Kinds =
        [OpenArc.Draw, Bar.Draw, Pebble.Draw, Corner.Draw, Wave.Draw, Shard.Draw];

    public static Form Draw(RandomStream random) => random.Pick(Kinds)(random);
}

/// <summary>Part of a ring, never more than half of one.</summary>
internal sealed record OpenArc(double Reach, double HalfWidth) : Form
{
    public static Form Draw(RandomStream random) => new OpenArc(random.Uniform(0.1, 0.24), random.Uniform(0.09, 0.16));

    public override double Distance(double x, double y) => Forms.Distance.Arc(x + 0.4, y, 0.84, HalfWidth, Reach);
}

/// <summary>A straight piece with round ends.</summary>
internal sealed record Bar(double HalfLength, double Radius) : Form
{
    public static Form Draw(RandomStream random) => new Bar(random.Uniform(0.45, 0.8), random.Uniform(0.12, 0.2));

    public override double Distance(double x, double y) => Forms.Distance.Bar(x, y, -HalfLength, 0, HalfLength, 0, Radius);
}

/// <summary>A rounded lump whose radius wobbles with the angle.</summary>
internal sealed record Pebble(double Two, double Three, double Phase) : Form
{
    public static Form Draw(RandomStream random) =>
        new Pebble(random.Uniform(0, 0.14), random.Uniform(0, 0.1), random.Uniform());

    public override double Distance(double x, double y)
    {
        double angle = Elementary.Angle(x, y);
        return Forms.Distance.Length(x, y)
            - 0.7 * (1 + Two * Elementary.Cos(2 * angle) + Three * Elementary.Cos(3 * angle + Phase));
    }
}

/// <summary>Two bars that meet at one end.</summary>
internal sealed record Corner(double X, double Y, double Radius) : Form
{
    public static Form Draw(RandomStream random)
    {
        double opening = random.Uniform(0.18, 0.36), length = random.Uniform(0.6, 0.8);
        return new Corner(length * Elementary.Cos(opening), length * Elementary.Sin(opening), random.Uniform(0.11, 0.16));
    }

    public override double Distance(double x, double y)
    {
        // Shifted so that the figure is centred at the origin, not its corner.
        double px = x + 0.25, py = y + 0.3;
        return Math.Min(Forms.Distance.Bar(px, py, 0, 0, 0.8, 0, Radius), Forms.Distance.Bar(px, py, 0, 0, X, Y, Radius));
    }
}

/// <summary>An arc and its mirror image, joined where their tangents agree: an S.</summary>
internal sealed record Wave(double Reach, double HalfWidth) : Form
{
    private const double HalfLength = 0.4;
    private readonly double _radius = HalfLength / Elementary.Sin(Reach);
    private readonly double _depth = HalfLength * Elementary.Cos(Reach) / Elementary.Sin(Reach);

    public static Form Draw(RandomStream random) => new Wave(random.Uniform(0.13, 0.25), random.Uniform(0.1, 0.15));

    public override double Distance(double x, double y) => Math.Min(
        Forms.Distance.Arc(y + _depth, x + HalfLength, _radius, HalfWidth, Reach),
        Forms.Distance.Arc(-y + _depth, x - HalfLength, _radius, HalfWidth, Reach));
}

/// <summary>A triangle or quadrilateral of uneven sides.</summary>
internal sealed record Shard : Form
{
    private readonly Polygon _outline;

    private Shard(Polygon outline) => _outline = outline;

    public static Form Draw(RandomStream random)
    {
        var corners = new (double, double)[3 + random.Below(2)];
        for (int i = 0; i < corners.Length; i++)
        {
            double angle = (i + random.Uniform(-0.22, 0.22)) / corners.Length, radius = random.Uniform(0.6, 0.94);
            corners[i] = (radius * Elementary.Cos(angle), radius * Elementary.Sin(angle));
        }
        return new Shard(new Polygon(corners));
    }

    public override double Distance(double x, double y) => _outline.Distance(x, y) - 0.04;
}

/// <summary>A long thin thread, bent like a parabola: wires and stalks behind the scene and, now and then, before it.</summary>
internal sealed record Thread(double Bend, double Radius) : Form
{
    public override double Distance(double x, double y)
    {
        double at = Math.Clamp(x, -0.95, 0.95), slope = -2 * Bend * at, offset = y - Bend * (0.5 - at * at);
        return (x == at ? Math.Abs(offset) / Math.Sqrt(1 + slope * slope) : Forms.Distance.Length(x - at, offset)) - Radius;
    }
}
