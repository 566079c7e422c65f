namespace Iba.Shapes.Exact;

/// <summary>
/// Sine, cosine and angle from +, -, *, / and floor alone. IEEE 754 defines those to the last bit on every platform, while the C library behind
/// <see cref="Math"/> differs between platforms. So pictures are the same everywhere. Angles are in turns (1 = 360°), so that reducing them to
/// one period is exact.
/// </summary>
internal static class Elementary
{
    /// <summary>sin(2π · turns), error below 1e-12.</summary>
    public static double Sin(double turns)
    {
        double t = turns - Math.Floor(turns + 0.5);
        // Mirror the second and third quadrant onto [-1/4, 1/4], where the series below converges fast.
        if (t > 0.25)
            t = 0.5 - t;
        else if (t < -0.25)
            t = -0.5 - t;
        double x = 2 * Math.PI * t, q = -x * x;
        return x * (1 + q / 6 * (1 + q / 20 * (1 + q / 42 * (1 + q / 72 * (1 + q / 110 * (1 + q / 156 * (1 + q / 210 * (1 + q / 272))))))));
    }

    /// <summary>cos(2π · turns), error below 1e-12.</summary>
    public static double Cos(double turns) => Sin(turns + 0.25);

    /// <summary>The angle of (x, y) in turns, in (-1/2, 1/2]; 0 for the origin. Error below 1e-10.</summary>
    public static double Angle(double x, double y)
    {
        double ax = Math.Abs(x), ay = Math.Abs(y);
        if (ax == 0 && ay == 0)
            return 0;
        double angle = ax >= ay ? ArcTangent(ay / ax) : 0.25 - ArcTangent(ax / ay);
        if (x < 0)
            angle = 0.5 - angle;
        return y < 0 ? -angle : angle;
    }

    /// <summary>0 below <paramref name="from"/>, 1 above <paramref name="to"/>, and 3t² - 2t³ between.</summary>
    public static double Smooth(double from, double to, double x)
    {
        double t = Math.Clamp((x - from) / (to - from), 0, 1);
        return t * t * (3 - 2 * t);
    }

    public static double Mix(double a, double b, double t) => a + (b - a) * t;

    // For z in [0, 1]. atan z = 1/8 turn + atan((z - 1) / (z + 1)) keeps the argument of the series below tan(π/8).
    private static double ArcTangent(double z)
    {
        const double TanEighth = 0.41421356237309503;
        double start = 0;
        if (z > TanEighth)
        {
            start = 0.125;
            z = (z - 1) / (z + 1);
        }
        double q = -z * z, sum = 0;
        for (int k = 25; k >= 1; k -= 2)
            sum = sum * q + 1.0 / k;
        return start + z * sum / (2 * Math.PI);
    }
}
