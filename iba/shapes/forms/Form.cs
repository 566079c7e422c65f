using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>
/// A plane figure inside the unit disc, given by the signed distance to its edge: negative inside, positive outside. From that one
/// number come the antialiased edge, the bevel, the shadow and the mask. Exact near the edge; deep inside or far outside a union or an
/// intersection may understate the distance, where nothing uses it.
/// </summary>
internal abstract record Form
{
    public abstract double Distance(double x, double y);
}

/// <summary>A class of the data set: its folder name and how to draw one of its many variants.</summary>
internal sealed record FormClass(string Name, Func<RandomStream, Form> Draw)
{
    /// <summary>The classes; label = position. Alphabetical, as a reader of class folders will number them.</summary>
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
