using System.Numerics;

namespace Iba;

/// <summary>Quantiles of sorted numbers, linear between the two nearest, as NumPy computes them by default.</summary>
internal static class Quantile
{
    /// <param name="sorted">The numbers, rising; at least one.</param>
    /// <param name="share">The share of the numbers below the quantile, 0 to 1.</param>
    public static double Of<T>(T[] sorted, double share) where T : INumber<T>
    {
        double place = share * (sorted.Length - 1);
        int below = (int)place, above = Math.Min(below + 1, sorted.Length - 1);
        return double.Lerp(double.CreateChecked(sorted[below]), double.CreateChecked(sorted[above]), place - below);
    }
}
