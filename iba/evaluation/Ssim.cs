namespace Iba.Evaluation;

/// <summary>
/// Structural similarity of two maps (Wang et al. 2004) as the paper's sanity check uses it (section 4.3, appendix G.1): windows of 5 x 5 pixels, all
/// of equal weight, sample covariances (divisor 24), K1 = 0.01, K2 = 0.03, the mean over the windows that lie inside the map. scikit-image's
/// <c>structural_similarity(a, b, win_size=5, data_range=1)</c> gives the same.
/// </summary>
public static class Ssim
{
    private const int Window = 5, Pixels = Window * Window;
    private const double K1 = 0.01, K2 = 0.03, LowerShare = 0.01, UpperShare = 0.99;

    /// <summary>
    /// The map clamped to its 1st and 99th percentile, linear between the two nearest values, and scaled from 0 to 1. Where the two percentiles
    /// are equal, it is 0 everywhere: such a map shows nothing, and its scale is undefined.
    /// </summary>
    /// <param name="map">The map; its values are finite.</param>
    /// <returns>Row-major.</returns>
    public static double[] Normalised(Heatmap map)
    {
        float[] sorted = [.. map.Values];
        Array.Sort(sorted);
        double low = Quantile.Of(sorted, LowerShare), high = Quantile.Of(sorted, UpperShare);
        return low == high ? new double[sorted.Length] : [.. map.Values.Select(value => (Math.Clamp(value, low, high) - low) / (high - low))];
    }

    /// <summary>The similarity of two maps, -1 to 1; 1 where they are equal.</summary>
    /// <param name="a">A map, row-major.</param>
    /// <param name="b">A map of the same size.</param>
    /// <param name="width">Their columns.</param>
    /// <param name="range">
    /// The difference of the largest and the smallest possible value: 1 for maps from 0 to 1; 2 is what scikit-image took for floats at the time
    /// of the paper.
    /// </param>
    /// <exception cref="ArgumentException">The sizes differ, or a map is smaller than a window.</exception>
    public static double Of(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int width, double range = 1)
    {
        int height = a.Length / width;
        if (a.Length != b.Length || a.Length != height * width)
            throw new ArgumentException($"maps of {a.Length} and {b.Length} pixels cannot be compared in rows of {width}");
        if (width < Window || height < Window)
            throw new ArgumentException($"a map of {height} x {width} pixels has no window of {Window} x {Window}");
        double c1 = K1 * range * (K1 * range), c2 = K2 * range * (K2 * range), total = 0;
        // A window's sums are those of five columns, and a column's serve five windows. No sum is updated by subtraction, which would collect rounding
        // errors: equal maps give 1 to the bit.
        var columns = new Sums[width];
        for (int top = 0; top <= height - Window; top++)
        {
            for (int x = 0; x < width; x++)
            {
                columns[x] = default;
                for (int at = top * width + x; at < (top + Window) * width; at += width)
                    columns[x] += Sums.Of(a[at], b[at]);
            }
            for (int left = 0; left <= width - Window; left++)
                total += (columns[left] + columns[left + 1] + columns[left + 2] + columns[left + 3] + columns[left + 4]).Similarity(c1, c2);
        }
        return total / ((height - Window + 1) * (width - Window + 1));
    }

    /// <summary>Sums over some pixels of two maps: the values, their squares, their products.</summary>
    private readonly record struct Sums(double A, double B, double AA, double BB, double AB)
    {
        public static Sums Of(double a, double b) => new(a, b, a * a, b * b, a * b);

        public static Sums operator +(Sums x, Sums y) => new(x.A + y.A, x.B + y.B, x.AA + y.AA, x.BB + y.BB, x.AB + y.AB);

        /// <summary>(2 μa μb + c1) (2 σab + c2) / ((μa² + μb² + c1) (σa² + σb² + c2)) of a whole window.</summary>
        public double Similarity(double c1, double c2)
        {
            double a = A / Pixels, b = B / Pixels;
            double varianceA = (AA - A * a) / (Pixels - 1), varianceB = (BB - B * b) / (Pixels - 1), covariance = (AB - A * b) / (Pixels - 1);
            return (2 * a * b + c1) * (2 * covariance + c2) / ((a * a + b * b + c1) * (varianceA + varianceB + c2));
        }
    }
}
