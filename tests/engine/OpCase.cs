using CsCheck;
using Engine.Autograd;
using Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>An op with numbers to try it on.</summary>
/// <param name="Inputs">Shapes and numbers; away from kinks, where a derivative would depend on the side.</param>
/// <param name="Variables">How many of them, from the first on, want a gradient.</param>
/// <param name="Record">Puts the op on a tape.</param>
/// <param name="Textbook">The plain version.</param>
public sealed record OpCase(Exact[] Inputs, int Variables, Func<Value[], Value> Record, Func<Exact[], Exact> Textbook)
{
    public override string ToString() => string.Join(" and ", Inputs.Select(input => input.Shape));
}

/// <summary>Random shapes and numbers. Every number is a float, so that engine and textbook start from the same.</summary>
public static class Draw
{
    /// <summary>
    /// Up to 3 images of 1 to 7 pixels a side and 1 to 70 channels: channel counts below, at and above every register's width, and few
    /// enough numbers that each can be moved by itself.
    /// </summary>
    public static Gen<Shape> Images(int minimalSide = 1) =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[minimalSide, 7], Gen.Int[minimalSide, 7], Gen.Int[1, 70])
            .Select((n, h, w, c) => new Shape(n, h, w, Math.Clamp(350 / (n * h * w), 1, c)));

    /// <summary>Rows of 1 to 70 numbers.</summary>
    public static Gen<Shape> Rows => Gen.Select(Gen.Int[1, 5], Gen.Int[1, 70]).Select((n, c) => new Shape(n, c));

    /// <summary>Numbers between two bounds.</summary>
    public static Gen<Exact> Numbers(Shape shape, float low, float high) =>
        Gen.Float[low, high].Array[shape.Count].Select(numbers => new Exact(shape, numbers));

    /// <summary>Numbers of which no two are closer than 1/64: no step of a finite difference changes which is largest.</summary>
    public static Gen<Exact> Distinct(Shape shape) =>
        Gen.Shuffle(Enumerable.Range(0, shape.Count).ToArray()).Select(order => new Exact(shape, [.. order.Select(i => (i - shape.Count / 2) / 64f)]));

    /// <summary>Numbers at least 0.01 away from every one of the <paramref name="kinks"/>.</summary>
    public static Gen<Exact> Smooth(Shape shape, float low, float high, params float[] kinks) => Numbers(shape, low, high).Select(x => x.Like(i =>
    {
        float away = (float)x[i];
        foreach (float kink in kinks)
            away = Math.Abs(away - kink) < 0.01f ? kink + 0.0625f : away;
        return away;
    }));

    /// <summary>0 or 1 each.</summary>
    public static Gen<Exact> Flags(Shape shape) => Gen.Int[0, 3].Array[shape.Count].Select(numbers => new Exact(shape, [.. numbers.Select(i => i > 0 ? 1f : 0f)]));
}
