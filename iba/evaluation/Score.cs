namespace Iba.Evaluation;

/// <summary>What a measure found over many photos.</summary>
/// <param name="Method">The method's name; null for a number that methods are compared with.</param>
/// <param name="Quantity">What the number is, in words.</param>
/// <param name="Photos">The number of photos.</param>
/// <param name="Value">The score.</param>
/// <param name="StandardError">The standard error of the score; null if it is not given.</param>
public sealed record Score(string? Method, string Quantity, int Photos, double Value, double? StandardError = null)
{
    /// <summary>The number of photos that are left out because their value is undefined.</summary>
    public int Undefined { get; init; }

    /// <summary>The mean of a value per photo, with its standard error: the sample standard deviation (divisor n - 1) over √n. NaN is undefined.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="quantity">What is averaged, in words.</param>
    /// <param name="values">A value for each photo.</param>
    public static Score Mean(string? method, string quantity, IReadOnlyList<double> values)
    {
        double[] defined = [.. values.Where(value => !double.IsNaN(value))];
        double mean = defined.Length == 0 ? double.NaN : defined.Average();
        double variance = defined.Sum(value => (value - mean) * (value - mean)) / Math.Max(defined.Length - 1, 1);
        return new Score(method, quantity, defined.Length, mean, Math.Sqrt(variance / defined.Length)) { Undefined = values.Count - defined.Length };
    }
}
