namespace Tests.Devices;

/// <summary>How far two sets of numbers are apart.</summary>
internal static class Distance
{
    /// <summary>max |a - e| / max |e|; 0 where all are equal, also where all are 0.</summary>
    public static double Largest(float[] expected, float[] actual) => Relative(expected, actual, numbers => numbers.Max(Math.Abs));

    /// <summary>||a - e|| / ||e||, Euclidean: where a rounding may flip a ReLU here and there.</summary>
    public static double Euclidean(float[] expected, float[] actual) => Relative(expected, actual, numbers => Math.Sqrt(numbers.Sum(number => number * number)));

    private static double Relative(float[] expected, float[] actual, Func<IEnumerable<double>, double> norm)
    {
        if (expected.Length != actual.Length)
            throw new ArgumentException($"{actual.Length} numbers, expected {expected.Length}");
        double off = norm(expected.Zip(actual, (e, a) => (double)a - e)), size = norm(expected.Select(e => (double)e));
        return off == 0 ? 0 : off / size;
    }
}
