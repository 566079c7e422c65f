namespace Iba.Engine.Diagnostics;

/// <summary>What a tensor's numbers are like. All sums are in double.</summary>
/// <param name="Norm">The Euclidean norm.</param>
/// <param name="Mean">The mean.</param>
/// <param name="Largest">The largest magnitude.</param>
/// <param name="Zeros">The fraction that is 0.</param>
/// <param name="NonFinite">The fraction that is NaN or infinite; norm, mean, largest and sum leave these numbers out.</param>
/// <param name="Sum">The sum: under an LRP rule, the relevance at that place.</param>
public sealed record TensorFigures(double Norm, double Mean, double Largest, double Zeros, double NonFinite, double Sum)
{
    /// <summary>The figures of some numbers.</summary>
    public static TensorFigures Of(ReadOnlySpan<float> numbers)
    {
        double squares = 0, sum = 0;
        float largest = 0;
        int zeros = 0, strange = 0;
        foreach (float number in numbers)
        {
            if (!float.IsFinite(number))
            {
                strange++;
                continue;
            }
            squares += (double)number * number;
            sum += number;
            largest = Math.Max(largest, Math.Abs(number));
            zeros += number == 0 ? 1 : 0;
        }
        double count = Math.Max(numbers.Length, 1);
        return new TensorFigures(
            Math.Sqrt(squares), sum / Math.Max(numbers.Length - strange, 1), largest, zeros / count, strange / count, sum);
    }

    /// <summary>The cosine of the angle between two tensors of one size; null where one of them is 0 or not finite.</summary>
    public static double? Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double product = 0, aa = 0, bb = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += (double)a[i] * b[i];
            aa += (double)a[i] * a[i];
            bb += (double)b[i] * b[i];
        }
        double cosine = product / Math.Sqrt(aa) / Math.Sqrt(bb);
        return double.IsFinite(cosine) ? Math.Clamp(cosine, -1, 1) : null;
    }
}
