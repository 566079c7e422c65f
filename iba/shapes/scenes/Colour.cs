namespace Iba.Shapes.Scenes;

/// <summary>Red, green and blue in [0, 1], as a picture file stores them (gamma encoded).</summary>
internal readonly record struct Colour(double Red, double Green, double Blue)
{
    /// <summary>
    /// From hue (turns), saturation and lightness, the last two in [0, 1]. Transitions between hues are smoother than in HSL, so secondary colours
    /// are less garish.
    /// </summary>
    public static Colour FromHue(double hue, double saturation, double lightness)
    {
        double chroma = saturation * Math.Min(lightness, 1 - lightness);
        return new(Channel(0), Channel(1.0 / 3), Channel(2.0 / 3));

        // Each primary is 1 up to 1/6 turn from its own hue and falls linearly to 0 at the opposite hue.
        double Channel(double centre)
        {
            double t = hue - centre - Math.Floor(hue - centre + 0.5);
            return lightness + chroma * Math.Clamp(2 - 6 * Math.Abs(t), -1, 1);
        }
    }

    public double Luminance => 0.299 * Red + 0.587 * Green + 0.114 * Blue;

    /// <summary>The same hue, darkened or mixed with white to this luminance.</summary>
    public Colour WithLuminance(double luminance) => luminance < Luminance
        ? this * (luminance / Luminance)
        : Mix(new Colour(1, 1, 1), (luminance - Luminance) / (1 - Luminance));

    public Colour Mix(Colour other, double t) =>
        new(Red + (other.Red - Red) * t, Green + (other.Green - Green) * t, Blue + (other.Blue - Blue) * t);

    public static Colour operator *(Colour colour, double light) => new(colour.Red * light, colour.Green * light, colour.Blue * light);
}
