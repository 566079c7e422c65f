using Tests.Devices;
using Xunit;

namespace Tests;

/// <summary>Assertions that two arrays agree, relative to the size of the expected one.</summary>
public static class Close
{
    /// <summary>Fails unless max |actual - expected| is at most <paramref name="tolerance"/> x max |expected|.</summary>
    /// <param name="expected">The expected values.</param>
    /// <param name="actual">The actual values.</param>
    /// <param name="tolerance">Relative.</param>
    /// <param name="what">For the message.</param>
    /// <param name="typical">
    /// The magnitude of a typical result, if known: rounding errors are proportional to it, and a few results may all happen to cancel to less.
    /// </param>
    public static void InMaxNorm(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what, double typical = 0)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} numbers, expected {expected.Length}");
        double largest = typical, worst = 0;
        int at = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs((double)expected[i]));
            double error = Math.Abs((double)actual[i] - expected[i]);
            if (!(error <= worst))
                (worst, at) = (error, i);
        }
        Assert.True(worst <= tolerance * largest,
            $"{what}: off by {worst / largest:G3} of the largest number (allowed {tolerance:G3}); at {at} {actual[at]}, expected {expected[at]}");
    }

    /// <summary>Fails unless ||actual - expected|| is at most <paramref name="tolerance"/> x ||expected||, Euclidean.</summary>
    public static void InNorm(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        double error = Distance.Euclidean(expected.ToArray(), actual.ToArray());
        Assert.True(error <= tolerance, $"{what}: off by {error:G3} of the norm (allowed {tolerance:G3})");
    }
}
