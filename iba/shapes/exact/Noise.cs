namespace Iba.Shapes.Exact;

/// <summary>Smooth random fields over the plane, each value a function of the key and the point alone.</summary>
internal readonly struct Noise(uint key)
{
    /// <summary>Gradient noise (Perlin 1985) on the integer lattice: zero mean, most values within ±0.5.</summary>
    public double At(double x, double y)
    {
        double fx = Math.Floor(x), fy = Math.Floor(y);
        double u = x - fx, v = y - fy;
        uint ix = (uint)(int)fx, iy = (uint)(int)fy;
        double su = u * u * u * (u * (u * 6 - 15) + 10), sv = v * v * v * (v * (v * 6 - 15) + 10);
        double top = Elementary.Mix(Slope(ix, iy, u, v), Slope(ix + 1, iy, u - 1, v), su);
        double bottom = Elementary.Mix(Slope(ix, iy + 1, u, v - 1), Slope(ix + 1, iy + 1, u - 1, v - 1), su);
        return Elementary.Mix(top, bottom, sv);
    }

    /// <summary>
    /// Octaves of noise, each at half the scale and <paramref name="gain"/> times the strength of the one before. Octaves finer than
    /// <paramref name="pixel"/> fade out, so that a scene looks the same at every resolution.
    /// </summary>
    public double Octaves(double x, double y, int count, double gain, double pixel)
    {
        double sum = 0, strength = 1, frequency = 1;
        for (int octave = 0; octave < count; octave++)
        {
            double visible = 0.5 / (frequency * pixel) - 0.5;   // 0 at one pixel per cell, 1 at three
            if (visible <= 0)
                break;
            sum += new Noise(key + 0x9E3779B9u * (uint)octave).At(x * frequency, y * frequency) * strength * Math.Min(visible, 1);
            strength *= gain;
            frequency *= 2;
        }
        return sum;
    }

    /// <summary>Distances to the nearest and the second nearest of one random point per unit cell (Worley 1996).</summary>
    public (double First, double Second) Cells(double x, double y)
    {
        double fx = Math.Floor(x), fy = Math.Floor(y), first = 9, second = 9;
        for (int dy = -1; dy <= 1; dy++)
        {
            for (int dx = -1; dx <= 1; dx++)
            {
                uint hash = Hash((uint)((int)fx + dx), (uint)((int)fy + dy));
                double px = fx + dx + (hash & 0xFFFF) * (1 / 65536.0) - x, py = fy + dy + (hash >> 16) * (1 / 65536.0) - y;
                double square = px * px + py * py;
                if (square < first)
                    (first, second) = (square, first);
                else if (square < second)
                    second = square;
            }
        }
        return (Math.Sqrt(first), Math.Sqrt(second));
    }

    /// <summary>White noise in [-1, 1) at an integer point.</summary>
    public double White(int x, int y) => (int)Hash((uint)x, (uint)y) * (1 / 2147483648.0);

    private double Slope(uint ix, uint iy, double u, double v)
    {
        uint hash = Hash(ix, iy);
        return ((hash & 0xFFFF) * (1 / 32768.0) - 1) * u + ((hash >> 16) * (1 / 32768.0) - 1) * v;
    }

    private uint Hash(uint x, uint y)
    {
        uint h = key ^ (x * 0x8DA6B343u) ^ (y * 0xD8163841u);
        h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
        h = (h ^ (h >> 12)) * 0x297A2D39u;
        return h ^ (h >> 15);
    }
}
