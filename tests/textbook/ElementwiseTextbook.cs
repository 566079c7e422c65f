namespace Tests.Textbook;

/// <summary>Elementwise ops.</summary>
public static class ElementwiseTextbook
{
    public static Exact Sigmoid(Exact x) => x.Like(i => 1 / (1 + Math.Exp(-x[i])));

    public static Exact Relu(Exact x) => x.Like(i => x[i] < 0 ? 0 : x[i]);

    public static Exact Scale(Exact x, double factor) => x.Like(i => x[i] * factor);

    public static Exact Clamp(Exact x, double low, double high) => x.Like(i => x[i] < low ? low : x[i] > high ? high : x[i]);

    public static Exact Log(Exact x) => x.Like(i => Math.Log(x[i]));

    public static Exact Add(Exact a, Exact b) => a.Like(i => a[i] + b[i]);

    public static Exact Multiply(Exact a, Exact b) => a.Like(i => a[i] * b[i]);
}
