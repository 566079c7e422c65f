using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Double-precision values in a shape: operands and results of the textbook versions.</summary>
public sealed class Exact(Shape shape, double[] numbers)
{
    public Exact(Shape shape)
        : this(shape, new double[shape.Count])
    {
    }

    public Exact(Shape shape, ReadOnlySpan<float> numbers)
        : this(shape)
    {
        for (int i = 0; i < numbers.Length; i++)
            Numbers[i] = numbers[i];
    }

    public Shape Shape { get; } = shape;

    public double[] Numbers { get; } = numbers;

    /// <summary>An element of an (N, H, W, C) array.</summary>
    public ref double this[int n, int h, int w, int c] => ref Numbers[((n * Shape.H + h) * Shape.W + w) * Shape.C + c];

    /// <summary>An element of an (N, C) array.</summary>
    public ref double this[int n, int c] => ref Numbers[n * Shape.C + c];

    /// <summary>An element by its position in memory.</summary>
    public ref double this[int i] => ref Numbers[i];

    /// <summary>One image of a batch.</summary>
    public Exact Image(int n) => new(Shape.WithN(1), Numbers[(n * Shape.Row)..((n + 1) * Shape.Row)]);

    /// <summary>Rounded to float32, as a device takes them.</summary>
    public float[] Floats() => [.. Numbers.Select(number => (float)number)];

    /// <summary>Another array of this shape whose element i is f(i).</summary>
    public Exact Like(Func<int, double> f) => new(Shape, [.. Enumerable.Range(0, Shape.Count).Select(f)]);
}
