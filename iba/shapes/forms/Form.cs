using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>
/// A plane figure inside the unit disc, given by the signed distance to its edge: negative inside, positive outside. The antialiased edge, the
/// bevel, the shadow and the mask all follow from it. It is exact near the edge; far from it, a union or an intersection may underestimate the
/// distance, which does not matter for these uses.
/// </summary>
internal abstract record Form
{
    public abstract double Distance(double x, double y);
}

/// <summary>A class of the data set: its folder name and how to draw one of its many variants.</summary>
internal sealed record FormClass(string Name, Func<RandomStream, Form> Draw)
{
    /// <summary>The classes; label = index. They are in alphabetical order, as readers of class folders number them.</summary>
    public static readonly IReadOnlyList<FormClass> All =
    [
        new("arrow", Arrow.Draw),
        new("crescent", Crescent.Draw),
        new("cross", Cross.Draw),
        new("gear", Gear.Draw),
        new("heart", Heart.Draw),
        new("key", Key.Draw),
        new("lattice", Lattice.Draw),
        new("ring", Ring.Draw),
        new("spiral", Spiral.Draw),
        new("star", Star.Draw),
    ];
}
