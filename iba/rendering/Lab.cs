namespace Iba.Rendering;

/// <summary>
/// A colour of CIE 1976 L*a*b* under D65, in which equal distances look about equally large (CIE 15:2004, section 8.2).
/// </summary>
/// <param name="L">Lightness, 0 black to 100 white.</param>
/// <param name="A">Green to red.</param>
/// <param name="B">Blue to yellow.</param>
public readonly record struct Lab(double L, double A, double B)
{
    /// <summary>The colour of a lightness, a chroma and a hue in degrees.</summary>
    public static Lab FromHue(double lightness, double chroma, double hue)
    {
        (double sin, double cos) = Math.SinCos(hue * Math.PI / 180);
        return new Lab(lightness, chroma * cos, chroma * sin);
    }

    /// <summary>In linear sRGB (IEC 61966-2-1): 0 to 1 each, beyond that where a screen has no such colour.</summary>
    internal (double R, double G, double B) Linear()
    {
        double y = (L + 16) / 116;
        (double X, double Y, double Z) = (0.95047 * Cube(y + A / 500), Cube(y), 1.08883 * Cube(y - B / 200));
        return (3.2404542 * X - 1.5371385 * Y - 0.4985314 * Z,
            -0.9692660 * X + 1.8760108 * Y + 0.0415560 * Z,
            0.0556434 * X - 0.2040259 * Y + 1.0572252 * Z);
    }

    /// <summary>The nearest 8-bit sRGB, each channel cut off at 0 and 255.</summary>
    public Rgb ToRgb()
    {
        (double r, double g, double b) = Linear();
        return new Rgb(Level(r), Level(g), Level(b));
    }

    private static double Cube(double t) => t > 6 / 29.0 ? t * t * t : 3 * (6 / 29.0) * (6 / 29.0) * (t - 4 / 29.0);

    private static byte Level(double linear)
    {
        double encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.Pow(linear, 1 / 2.4) - 0.055;
        return (byte)Math.Round(255 * Math.Clamp(encoded, 0, 1));
    }
}
