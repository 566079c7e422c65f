namespace Iba.Rendering;

/// <summary>256 colours over [0, 1].</summary>
public sealed class Colormap
{
    private readonly Rgb[] _colours = new Rgb[256];

    private Colormap(double from, double to)
    {
        for (int i = 0; i < _colours.Length; i++)
            _colours[i] = SeismicAt(from + (to - from) * i / (_colours.Length - 1));
    }

    /// <summary>matplotlib's seismic, for signed maps: dark blue at 0, white at 1/2, dark red at 1.</summary>
    public static Colormap Seismic { get; } = new(0, 1);

    /// <summary>The upper half of <see cref="Seismic"/>, for maps without sign: white at 0, red at 1/2, dark red at 1.</summary>
    public static Colormap SeismicUpperHalf { get; } = new(0.5, 1);

    /// <summary>The colour of a place in [0, 1]; places outside take the colour of the nearer end.</summary>
    public Rgb this[double place] => _colours[Math.Clamp((int)(place * _colours.Length), 0, _colours.Length - 1)];

    // The definition of seismic: five colours at equal distances, joined by straight lines.
    private static ReadOnlySpan<double> Red => [0, 0, 1, 1, 0.5];
    private static ReadOnlySpan<double> Green => [0, 0, 1, 0, 0];
    private static ReadOnlySpan<double> Blue => [0.3, 1, 1, 0, 0];

    private static Rgb SeismicAt(double place)
    {
        int i = Math.Min((int)(place * 4), 3);
        double t = place * 4 - i;
        return new Rgb(Level(Red, i, t), Level(Green, i, t), Level(Blue, i, t));
    }

    private static byte Level(ReadOnlySpan<double> ends, int i, double t) =>
        (byte)Math.Round(255 * (ends[i] + (ends[i + 1] - ends[i]) * t));
}
