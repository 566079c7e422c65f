using Iba.Shapes.Exact;

namespace Iba.Shapes.Scenes;

/// <summary>One material of the background: a rotated texture, whose height selects among three colours.</summary>
internal sealed record Ground(Texture Texture, double Grain, double Turn, double Relief, Colour Low, Colour Middle, Colour High)
{
    private readonly double _cos = Elementary.Cos(Turn) / Grain, _sin = Elementary.Sin(Turn) / Grain;

    public static Ground Draw(RandomStream random, Palette palette)
    {
        int first = random.Below(2);
        return new Ground(
            Texture.Draw(random), random.Uniform(0.05, 0.35), random.Uniform(), random.Uniform(0.15, 0.75),
            palette.Ground[first], palette.Ground[first + 1], palette.Ground[first + 2]);
    }

    /// <summary>The relief's height, about -1 .. 1, at a point of the picture.</summary>
    public double Height(double x, double y, double pixel) =>
        Texture.Height(x * _cos + y * _sin, y * _cos - x * _sin, pixel / Grain);

    public Colour At(double height) =>
        height < 0 ? Middle.Mix(Low, Math.Min(-height, 1.2)) : Middle.Mix(High, Math.Min(height, 1.2));
}
