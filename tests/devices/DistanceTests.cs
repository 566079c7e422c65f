using Xunit;

namespace Tests.Devices;

/// <summary>The distance that agreement tests use.</summary>
public sealed class DistanceTests
{
    [Fact]
    public void Distances_are_relative_to_what_is_expected()
    {
        float[] expected = [3, -4, 0], actual = [3, -4, 2];
        Assert.Equal(0.5, Distance.Largest(expected, actual));
        Assert.Equal(0.4, Distance.Euclidean(expected, actual));
        Assert.Equal(0, Distance.Largest(expected, expected));
        Assert.Equal(0, Distance.Largest([0, 0], [0, 0]));
        Assert.Equal(double.PositiveInfinity, Distance.Largest([0, 0], [0, 1]));
    }

    [Fact]
    public void A_distance_to_NaN_is_NaN()
    {
        Assert.Equal(double.NaN, Distance.Largest([1, 2], [float.NaN, 2]));
        Assert.Equal(double.NaN, Distance.Euclidean([1, 2], [1, float.NaN]));
    }

    [Fact]
    public void Sets_of_different_sizes_are_not_compared() => Assert.Throws<ArgumentException>(() => Distance.Largest([1], [1, 2]));
}
