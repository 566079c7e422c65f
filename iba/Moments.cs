namespace Iba;

/// <summary>Mean and spread of numbers.</summary>
internal static class Moments
{
    /// <summary>The mean, and the standard deviation with divisor N - 1; 0 for one number.</summary>
    public static (double Mean, double Deviation) Of(double[] values)
    {
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(values.Length - 1, 1)));
    }
}
