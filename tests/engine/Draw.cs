using CsCheck;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Random shapes and values. Every value is a float, so that engine and textbook start from the same ones.</summary>
/// <param name="side">The largest height and width.</param>
/// <param name="channels">The most channels.</param>
/// <param name="count">About the largest number of elements.</param>
public sealed class Draw(int side, int channels, int count)
{
    /// <summary>
    /// Channel counts below, at and above every register's width, and few enough elements to change each by itself for a
    /// finite difference.
    /// </summary>
    public static Draw Small { get; } = new(side: 7, channels: 70, count: 240);

    /// <summary>Enough elements for several tiles and blocks of every verb.</summary>
    public static Draw Large { get; } = new(side: 40, channels: 300, count: 40_000);

    /// <summary>Up to 3 images with the given minimum of pixels a side.</summary>
    public Gen<Shape> Images(int minimalSide = 1) =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[minimalSide, side], Gen.Int[minimalSide, side], Gen.Int[1, channels])
            .Select((n, h, w, c) => new Shape(n, h, w, Math.Clamp(count / (n * h * w), 1, c)));

    /// <summary>Up to 5 rows.</summary>
    public Gen<Shape> Rows => Gen.Select(Gen.Int[1, 5], Gen.Int[1, channels]).Select((n, c) => new Shape(n, c));

    /// <summary>Numbers between two bounds.</summary>
    public static Gen<Exact> Numbers(Shape shape, float low, float high) =>
        Gen.Float[low, high].Array[shape.Count].Select(numbers => new Exact(shape, numbers));

    /// <summary>Numbers of which no two are closer than 1/64: no step of a finite difference changes which is largest.</summary>
    public static Gen<Exact> Distinct(Shape shape) =>
        Gen.Shuffle(Enumerable.Range(0, shape.Count).ToArray())
            .Select(order => new Exact(shape).Like(i => (order[i] - shape.Count / 2) / 64.0));

    /// <summary>Numbers at least 0.01 away from every one of the <paramref name="kinks"/>.</summary>
    public static Gen<Exact> Smooth(Shape shape, float low, float high, params float[] kinks) =>
        Numbers(shape, low, high).Select(x => x.Like(i =>
        {
            float away = (float)x[i];
            foreach (float kink in kinks)
                away = Math.Abs(away - kink) < 0.01f ? kink + 0.0625f : away;
            return away;
        }));

    /// <summary>1, or sometimes 0.</summary>
    public static Gen<Exact> Flags(Shape shape) =>
        Gen.Int[0, 3].Array[shape.Count].Select(draws => new Exact(shape).Like(i => draws[i] > 0 ? 1 : 0));

    /// <summary>A class index for every row.</summary>
    public static Gen<Exact> Targets(Shape logits) =>
        Gen.Int[0, logits.C - 1].Array[logits.N].Select(classes => new Exact(new Shape(logits.N)).Like(i => classes[i]));
}
