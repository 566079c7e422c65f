namespace Iba.Evaluation;

/// <summary>What a measure found over many photos.</summary>
/// <param name="Method">The method's name; null for a number that methods are compared with.</param>
/// <param name="Quantity">What the number is, in words.</param>
/// <param name="Photos">The number of photos whose value is defined.</param>
/// <param name="Value">The score; NaN if it is undefined.</param>
/// <param name="StandardError">The bootstrap's standard error.</param>
/// <param name="Low">Lower end of the bootstrap's 95 % interval.</param>
/// <param name="High">Upper end of the bootstrap's 95 % interval.</param>
public sealed record Score(string? Method, string Quantity, int Photos, double Value, double StandardError, double Low, double High)
{
    /// <summary>The number of photos that are left out because their value is undefined.</summary>
    public int Undefined { get; init; }
}

/// <summary>A score of a measure: a function of means over the photos, such as a mean or a ratio of two means.</summary>
/// <param name="Quantity">What the score is, in words.</param>
/// <param name="Parts">The values of one photo that are averaged. A photo is left out, and counted as such, where one of them is NaN.</param>
public sealed record ScoreKind(string Quantity, Func<Measurement, double[]> Parts)
{
    /// <summary>Samples of the bootstrap. The error of a standard error from B samples is 1 / √(2 B) of it: 2 %.</summary>
    private const int Resamples = 1000;

    /// <summary>The score of the parts' means. Default: the only part's.</summary>
    public Func<double[], double> Of { get; init; } = means => means[0];

    /// <summary>Whether it describes the photos, whatever the method: a number to compare methods with.</summary>
    public bool OfPhotos { get; init; }

    /// <summary>The mean of a value per photo.</summary>
    public static ScoreKind Mean(string quantity, Func<Measurement, double> value) => new(quantity, record => [value(record)]);

    /// <summary>
    /// The score of one method's records. Its standard error and interval are the bootstrap's (Efron 1979): photos are drawn with replacement, as many
    /// as there are, and the score is computed from each sample's means. The draws depend on the number of photos only, so the same records give
    /// the same numbers.
    /// </summary>
    /// <param name="method">The method's name; null for a number that methods are compared with.</param>
    /// <param name="records">A record for each photo.</param>
    public Score Over(string? method, IReadOnlyCollection<Measurement> records)
    {
        double[][] parts = Defined(records);
        double value = parts.Length == 0 ? double.NaN : Of(Means(parts, i => i));
        double[] resampled = parts.Length == 0 ? [] :
        [
            .. Enumerable.Range(0, Resamples).Select(sample => Of(Means(parts, Draw(sample)))).Where(score => !double.IsNaN(score)).Order(),
        ];
        (double error, double low, double high) = resampled.Length == 0 || double.IsNaN(value)
            ? (double.NaN, double.NaN, double.NaN)
            : (Moments.Of(resampled).Deviation, Quantile.Of(resampled, 0.025), Quantile.Of(resampled, 0.975));
        bool undefined = double.IsNaN(value);
        return new Score(method, Quantity, undefined ? 0 : parts.Length, value, error, low, high)
        {
            Undefined = undefined ? records.Count : records.Count - parts.Length,
        };

        Func<int, int> Draw(int sample)
        {
            SplitMix random = new SplitMix(0).Fork((ulong)sample);
            return i => (int)Math.BigMul(random.Bits((ulong)i), (ulong)parts.Length, out _);
        }
    }

    /// <summary>The score of one method's records without its error; NaN if it is undefined.</summary>
    public double ValueOver(IEnumerable<Measurement> records) => Defined(records) is { Length: > 0 } parts ? Of(Means(parts, i => i)) : double.NaN;

    private double[][] Defined(IEnumerable<Measurement> records) =>
        [.. records.Select(Parts).Where(values => !Array.Exists(values, double.IsNaN))];

    private static double[] Means(double[][] parts, Func<int, int> at)
    {
        var sums = new double[parts[0].Length];
        for (int i = 0; i < parts.Length; i++)
        {
            double[] values = parts[at(i)];
            for (int part = 0; part < sums.Length; part++)
                sums[part] += values[part];
        }
        for (int part = 0; part < sums.Length; part++)
            sums[part] /= parts.Length;
        return sums;
    }
}
