namespace Iba.Rendering;

/// <summary>
/// The colours of a map, alone and over a photo. Hue and chroma come from the value alone; the photo only shifts the lightness, by at most
/// <see cref="LeastSwing"/> of L* wherever the value is more than a little off 0. So a colour in a picture can be found on the bar, on a dark photo
/// as on a light one. Towards 0 the colour fades and the photo's own contrast comes out: 0 is the photo in grey.
/// </summary>
public sealed class Colormap
{
    /// <summary>How far, in L*, the photo's darkest and lightest tones shift a colour down and up.</summary>
    public const double LeastSwing = 5;

    // The lightness shift at 0, and the magnitude (as a fraction of the scale) from which on it is at its minimum.
    private const double SwingOfZero = 18, Faint = 0.15;

    // Odd, so that 0 is a colour of the diverging map.
    private const int Colours = 255;

    // Lightness, chroma and hue at 0, 1/4, 1/2, 3/4 and 1, joined by straight lines. Lightness falls with the magnitude, so the order survives in grey
    // and for every kind of colour vision. All colours stay within sRGB at every lightness shift.
    private static readonly double[][] Warm = [[78, 0, 64], [73, 34, 64], [61.5, 61, 53], [48.5, 67, 42], [35, 52, 32]];
    private static readonly double[][] Cold = [[78, 0, 250], [73, 25, 248], [61.5, 48, 268], [48.5, 55, 283], [35, 50, 294]];

    private static readonly Rgb NotANumber = new(0, 150, 60);

    private readonly bool _signed;
    private readonly Rgb[] _alone = new Rgb[Colours];
    private readonly Rgb[]?[] _over = new Rgb[Colours][];

    private Colormap(bool signed)
    {
        _signed = signed;
        for (int i = 0; i < Colours; i++)
            _alone[i] = Shifted(i, 0);
    }

    /// <summary>For maps without sign: grey at 0, over orange and red to dark red at 1.</summary>
    public static Colormap Sequential { get; } = new(signed: false);

    /// <summary>For signed maps: dark blue at 0, grey at 1/2, dark red at 1.</summary>
    public static Colormap Diverging { get; } = new(signed: true);

    /// <summary>The colours for a scale: diverging where it reaches below 0.</summary>
    public static Colormap For(Scale scale) => scale.Low < 0 ? Diverging : Sequential;

    /// <summary>
    /// The colour of a position in [0, 1] on the scale, as the bar shows it. Positions outside are clamped; NaN and infinity are green.
    /// </summary>
    public Rgb this[double place] => double.IsFinite(place) ? _alone[Index(place)] : NotANumber;

    /// <summary>The colour of a position on the scale over a photo.</summary>
    /// <param name="place">0 to 1, as in the indexer.</param>
    /// <param name="tone">The photo's tone there: 0 the darkest, 255 the lightest.</param>
    public Rgb Over(double place, byte tone)
    {
        if (!double.IsFinite(place))
            return Photo(tone).Under(NotANumber, 0.5);
        int index = Index(place);
        Rgb[] tones = _over[index] ??= [.. Enumerable.Range(0, 256).Select(t => Shifted(index, Swing(index) * (2 * t / 255.0 - 1)))];
        return tones[tone];
    }

    /// <summary>The photo where there is no map, or where it is 0.</summary>
    public static Rgb Photo(byte tone) => Sequential.Over(0, tone);

    /// <summary>
    /// The colour of a colour bar at a position on the scale, from its left edge (-1) to its right edge (1). Towards 0, where the photo shows, the
    /// colours differ from left to right: from the darkest to the lightest shade that the photo can give.
    /// </summary>
    internal Rgb OnBar(double place, double across) => Shifted(Index(place), across * (Swing(Index(place)) - LeastSwing));

    private static int Index(double place) => (int)Math.Round(Math.Clamp(place, 0, 1) * (Colours - 1));

    /// <summary>The value of a colour relative to the end of the scale, -1 to 1.</summary>
    private double Value(int index) => _signed ? 2.0 * index / (Colours - 1) - 1 : (double)index / (Colours - 1);

    private double Swing(int index)
    {
        double faint = Math.Max(0, 1 - Math.Abs(Value(index)) / Faint);
        return LeastSwing + (SwingOfZero - LeastSwing) * faint * faint;
    }

    private Rgb Shifted(int index, double lightness) => At(Value(index), lightness).ToRgb();

    private static Lab At(double value, double lightness)
    {
        double[][] path = value < 0 ? Cold : Warm;
        double at = Math.Abs(value) * (path.Length - 1);
        int i = Math.Min((int)at, path.Length - 2);
        double[] from = path[i], to = path[i + 1];
        double Mix(int part) => from[part] + (to[part] - from[part]) * (at - i);
        return Lab.FromHue(Mix(0) + lightness, Mix(1), Mix(2));
    }
}
