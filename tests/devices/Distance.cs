namespace Tests.Devices;

/// <summary>The distance of two arrays; NaN if either contains NaN.</summary>
internal static class Distance
{
    /// <summary>max |a - e| / max |e|; 0 where all are equal, also where all are 0.</summary>
    /// <param name="expected">The expected values.</param>
    /// <param name="actual">The actual values.</param>
    /// <param name="typical">Used instead of max |e| where that is smaller by accident.</param>
    public static double Largest(float[] expected, float[] actual, double typical = 0) =>
        Relative(expected, actual, typical, numbers => numbers.Aggregate(0.0, (largest, number) => Math.Max(largest, Math.Abs(number))));

    /// <summary>||a - e|| / ||e||, Euclidean: where a rounding may flip a ReLU here and there.</summary>
    public static double Euclidean(float[] expected, float[] actual) =>
        Relative(expected, actual, 0, numbers => Math.Sqrt(numbers.Sum(number => number * number)));

    private static double Relative(float[] expected, float[] actual, double typical, Func<IEnumerable<double>, double> norm)
    {
        if (expected.Length != actual.Length)
            throw new ArgumentException($"{actual.Length} numbers, expected {expected.Length}");
        double off = norm(expected.Zip(actual, (e, a) => (double)a - e)), size = Math.Max(norm(expected.Select(e => (double)e)), typical);
        return off == 0 ? 0 : off / size;
    }
}
