using Iba;
using Iba.Evaluation;
using Xunit;

namespace Tests.Evaluation;

/// <summary>SSIM and the normalisation of maps against scikit-image's and Quantus' numbers and against cases computed by hand.</summary>
public sealed class SsimTests
{
    /// <summary>Both sides compute in double; the peers' sums over windows are updated by subtraction.</summary>
    private const double Double = 1e-9;

    /// <summary>Numbers stored as float32 are rounded by 2^-24 of themselves, and the reference's maps were float32: scaling them rounds three times.</summary>
    private const double Single = 1e-6;

    private static GoldenFile Metrics => Golden.Open("metrics.safetensors");

    private static GoldenFile Peers => Golden.Open("peer-metrics.safetensors");

    /// <summary>A 5 x 5 map whose columns are 0, 0.25, 0.5, 0.75, 1.</summary>
    private static double[] Columns => [.. Enumerable.Range(0, 25).Select(i => i % 5 / 4.0)];

    [Fact]
    public void One_window_is_what_the_formula_gives_by_hand()
    {
        double[] a = Columns, reversed = [.. a.Select(value => 1 - value)], even = [.. a.Select(_ => 0.5)];
        Assert.Equal(1, Ssim.Of(a, a, 5));
        Assert.Equal(-0.993112, Ssim.Of(a, reversed, 5), 5e-7);
        Assert.Equal(0.006865, Ssim.Of(a, even, 5), 5e-7);
        double[] peers = Peers.Doubles("ssim.columns");
        Assert.Equal(peers[0], Ssim.Of(a, a, 5), Single);
        Assert.Equal(peers[1], Ssim.Of(a, reversed, 5), Single);
        Assert.Equal(peers[2], Ssim.Of(a, even, 5), Single);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_similarity_is_scikit_images(int i)
    {
        Heatmap a = Map(Metrics, $"ssim.{i}.a"), b = Map(Metrics, $"ssim.{i}.b");
        float[] percentiles = Metrics.Floats($"ssim.{i}.percentiles");
        Assert.Equal(percentiles[0], Percentile(a, 0.01), Single * Math.Max(1, Math.Abs(percentiles[0])));
        Assert.Equal(percentiles[1], Percentile(a, 0.99), Single * Math.Max(1, Math.Abs(percentiles[1])));
        Assert.Equal(percentiles[2], Percentile(b, 0.01), Single * Math.Max(1, Math.Abs(percentiles[2])));
        Assert.Equal(percentiles[3], Percentile(b, 0.99), Single * Math.Max(1, Math.Abs(percentiles[3])));
        double[] x = Ssim.Normalised(a), y = Ssim.Normalised(b);
        Close.InMaxNorm(Metrics.Floats($"ssim.{i}.a_normalised"), [.. x.Select(value => (float)value)], Single, "a");
        Close.InMaxNorm(Metrics.Floats($"ssim.{i}.b_normalised"), [.. y.Select(value => (float)value)], Single, "b");
        Assert.Equal(Metrics.Scalar($"ssim.{i}.value"), Ssim.Of(x, y, a.Width), Single);
        Assert.Equal(Metrics.Scalar($"ssim.{i}.value_range2"), Ssim.Of(x, y, a.Width, 2), Single);
        Assert.Equal(Metrics.Scalar($"ssim.{i}.value_negated"), Ssim.Of(x, Ssim.Normalised(Negative(b)), a.Width), Single);
        Assert.Equal(Metrics.Scalar($"ssim.{i}.mse"), x.Zip(y, (p, q) => (p - q) * (p - q)).Average(), Single);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_similarity_is_the_peers(int i)
    {
        Heatmap a = Map(Peers, $"ssim.{i}.a"), b = Map(Peers, $"ssim.{i}.b");
        double[] shares = [.01, .99, .005, .995];
        double[] percentiles = [.. shares.Select(share => Percentile(a, share)), .. shares.Select(share => Percentile(b, share))];
        Assert.All(Peers.Doubles($"ssim.{i}.percentiles").Zip(percentiles), pair => Assert.Equal(pair.First, pair.Second, Double));
        double[] x = Ssim.Normalised(a), y = Ssim.Normalised(b);
        double value = Peers.Scalar($"ssim.{i}.value"), population = Peers.Scalar($"ssim.{i}.value_population");
        Assert.Equal(value, Ssim.Of(x, y, a.Width), Double);
        Assert.Equal(Peers.Scalar($"ssim.{i}.value_range2"), Ssim.Of(x, y, a.Width, 2), Double);
        Assert.Equal(Peers.Scalar($"ssim.{i}.value_negated"), Ssim.Of(x, Ssim.Normalised(Negative(b)), a.Width), Double);
        // The divisor 25 instead of 24 is far outside that tolerance.
        Assert.InRange(Math.Abs(population - value), 1e-6, 1);
        Assert.Equal(Peers.Scalar($"ssim.{i}.pearson"), Pearson(Doubles(a), Doubles(b)), Double);
        Assert.Equal(Peers.Scalar($"ssim.{i}.spearman"), Pearson(Ranks(Doubles(a)), Ranks(Doubles(b))), Double);
    }

    /// <summary>The rank correlation, the default of others' randomisation test, is computed here only, to hold their maps and ties against ours.</summary>
    [Fact]
    public void Ranks_that_tie_are_averaged() => Assert.Equal(
        Peers.Scalar("ties.spearman"), Pearson(Ranks(Doubles(Map(Peers, "ties.a"))), Ranks(Doubles(Map(Peers, "ties.b")))), Double);

    [Fact]
    public void Scale_shift_and_outliers_do_not_count()
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 400).Select(_ => random.NextSingle())];
        // Powers of two, so that no value is rounded.
        float[] outlier = [.. values];
        outlier[Array.IndexOf(values, values.Max())] = 1e30f;
        var map = new Heatmap(20, 20, values, HeatmapUnit.Relative);
        Assert.Equal(Ssim.Normalised(map), Ssim.Normalised(map with { Values = [.. values.Select(value => 4 * value)] }));
        Assert.Equal(Ssim.Normalised(map), Ssim.Normalised(map with { Values = outlier }));
        Assert.Equal((0, 1), (Ssim.Normalised(map).Min(), Ssim.Normalised(map).Max()));
    }

    /// <summary>A map that shows nothing resembles another such map, and no map that shows something.</summary>
    [Fact]
    public void A_constant_map_has_no_structure()
    {
        var constant = new Heatmap(20, 20, [.. Enumerable.Repeat(7f, 400)], HeatmapUnit.Relative);
        // Fewer than 1 % of the pixels are something else.
        var nearly = constant with { Values = [.. constant.Values.Select((value, i) => i < 3 ? 9 : value)] };
        var random = new Random(1);
        var noise = constant with { Values = [.. constant.Values.Select(_ => random.NextSingle())] };
        Assert.All(Ssim.Normalised(constant), value => Assert.Equal(0, value));
        Assert.Equal(1, Ssim.Of(Ssim.Normalised(constant), Ssim.Normalised(nearly), 20));
        Assert.InRange(Ssim.Of(Ssim.Normalised(constant), Ssim.Normalised(noise), 20), 0, 0.01);
    }

    [Fact]
    public void Maps_of_other_sizes_and_below_a_window_are_refused()
    {
        Assert.Contains("25 and 30 pixels", Assert.Throws<ArgumentException>(() => Ssim.Of(new double[25], new double[30], 5)).Message);
        Assert.Contains("rows of 6", Assert.Throws<ArgumentException>(() => Ssim.Of(new double[25], new double[25], 6)).Message);
        Assert.Contains("4 x 5", Assert.Throws<ArgumentException>(() => Ssim.Of(new double[20], new double[20], 5)).Message);
    }

    private static Heatmap Map(GoldenFile file, string name) => new(file.Shape(name)[0], file.Shape(name)[1], file.Floats(name), HeatmapUnit.Relative);

    private static Heatmap Negative(Heatmap map) => map with { Values = [.. map.Values.Select(value => -value)] };

    private static double Percentile(Heatmap map, double share) => Quantile.Of([.. map.Values.Order()], share);

    private static double[] Doubles(Heatmap map) => [.. map.Values.Select(value => (double)value)];

    private static double Pearson(double[] x, double[] y)
    {
        double meanX = x.Average(), meanY = y.Average();
        double Sum(double[] a, double meanA, double[] b, double meanB) => a.Zip(b, (p, q) => (p - meanA) * (q - meanB)).Sum();
        return Sum(x, meanX, y, meanY) / Math.Sqrt(Sum(x, meanX, x, meanX) * Sum(y, meanY, y, meanY));
    }

    /// <summary>Ranks from 1; equal values share the mean of theirs.</summary>
    private static double[] Ranks(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return [.. values.Select(value => (Array.IndexOf(sorted, value) + Array.LastIndexOf(sorted, value)) / 2.0 + 1)];
    }
}
