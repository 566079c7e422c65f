using Iba.Rendering;

namespace Tests.Textbook;

/// <summary>The difference of two colours by published formulas.</summary>
internal static class ColourTextbook
{
    /// <summary>8-bit sRGB (IEC 61966-2-1) as CIE L*a*b* under its own white, D65.</summary>
    public static Lab ToLab(Rgb colour)
    {
        double r = Linear(colour.R), g = Linear(colour.G), b = Linear(colour.B);
        double x = 0.4124564 * r + 0.3575761 * g + 0.1804375 * b;
        double y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b;
        double z = 0.0193339 * r + 0.1191920 * g + 0.9503041 * b;
        double fx = F(x / 0.95047), fy = F(y), fz = F(z / 1.08883);
        return new Lab(116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz));
    }

    /// <summary>
    /// CIEDE2000 with all weights 1: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
    /// data, and mathematical observations", Color Research and Application 30 (2005), equations 2 to 22.
    /// </summary>
    public static double Ciede2000(Lab one, Lab two)
    {
        double meanChroma = (Chroma(one.A, one.B) + Chroma(two.A, two.B)) / 2;
        double g = 0.5 * (1 - Math.Sqrt(Seventh(meanChroma)));
        (double a1, double a2) = ((1 + g) * one.A, (1 + g) * two.A);
        (double c1, double c2) = (Chroma(a1, one.B), Chroma(a2, two.B));
        (double h1, double h2) = (Hue(a1, one.B), Hue(a2, two.B));

        double turn = h2 - h1;
        if (c1 * c2 == 0)
            turn = 0;
        else if (Math.Abs(turn) > 180)
            turn -= 360 * Math.Sign(turn);
        double dL = two.L - one.L, dC = c2 - c1, dH = 2 * Math.Sqrt(c1 * c2) * Sin(turn / 2);

        double l = (one.L + two.L) / 2, c = (c1 + c2) / 2, h = c1 * c2 == 0 ? h1 + h2
            : Math.Abs(h1 - h2) <= 180 ? (h1 + h2) / 2
            : h1 + h2 < 360 ? (h1 + h2 + 360) / 2
            : (h1 + h2 - 360) / 2;
        double t = 1 - 0.17 * Cos(h - 30) + 0.24 * Cos(2 * h) + 0.32 * Cos(3 * h + 6) - 0.20 * Cos(4 * h - 63);
        double rotation = -Sin(60 * Math.Exp(-Math.Pow((h - 275) / 25, 2))) * 2 * Math.Sqrt(Seventh(c));
        double forL = 1 + 0.015 * Math.Pow(l - 50, 2) / Math.Sqrt(20 + Math.Pow(l - 50, 2)), forC = 1 + 0.045 * c, forH = 1 + 0.015 * c * t;
        return Math.Sqrt(Math.Pow(dL / forL, 2) + Math.Pow(dC / forC, 2) + Math.Pow(dH / forH, 2) + rotation * (dC / forC) * (dH / forH));
    }

    private static double Linear(byte level) => level / 255.0 is var x && x <= 0.04045 ? x / 12.92 : Math.Pow((x + 0.055) / 1.055, 2.4);

    private static double F(double t) => t > 216 / 24389.0 ? Math.Cbrt(t) : (24389 / 27.0 * t + 16) / 116;

    private static double Chroma(double a, double b) => Math.Sqrt(a * a + b * b);

    private static double Hue(double a, double b) => a == 0 && b == 0 ? 0 : (Math.Atan2(b, a) * 180 / Math.PI + 360) % 360;

    private static double Seventh(double chroma) => Math.Pow(chroma, 7) / (Math.Pow(chroma, 7) + Math.Pow(25, 7));

    private static double Sin(double degrees) => Math.Sin(degrees * Math.PI / 180);

    private static double Cos(double degrees) => Math.Cos(degrees * Math.PI / 180);
}
