using Iba.Shapes.Exact;

namespace Iba.Shapes.Scenes;

/// <summary>
/// A relief over the plane, about -1 .. 1. Its height selects the colour and its slope the brightness. Backgrounds and objects use the same
/// kinds, so that texture does not reveal the class.
/// </summary>
internal abstract record Texture(uint Key)
{
    private static readonly IReadOnlyList<Func<uint, RandomStream, Texture>> Kinds =
    [
        (key, _) => new Clouds(key),
        (key, random) => new Marble(key, random.Uniform(0.6, 1.2)),
        (key, _) => new Cobbles(key),
        (key, _) => new Ridges(key),
        (key, random) => new Grain(key, random.Uniform(4, 9)),
        (key, _) => new Weave(key),
        (key, random) => new Stripes(key, random.Uniform(0.05, 0.5)),
    ];

    public static Texture Draw(RandomStream random) => random.Pick(Kinds)((uint)random.Next(), random);

    protected Noise Noise => new(Key);
    protected Noise Other => new(Key ^ 0x5BD1E995u);

    /// <param name="x">In units of the texture's own grain: one cell, wave or stone is about 1.</param>
    /// <param name="y">See <paramref name="x"/>.</param>
    /// <param name="pixel">The width of a pixel in the same unit: finer detail is left out.</param>
    public abstract double Height(double x, double y, double pixel);
}

/// <summary>Octaves of noise displaced by noise: clouds, plaster, earth.</summary>
internal sealed record Clouds(uint Key) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double dx = Other.At(x * 0.7, y * 0.7), dy = Other.At(x * 0.7 + 31.7, y * 0.7 - 17.3);
        return 1.3 * Noise.Octaves(x + dx, y + dy, 6, 0.55, pixel);
    }
}

/// <summary>Bands folded by noise.</summary>
internal sealed record Marble(uint Key, double Fold) : Texture(Key)
{
    public override double Height(double x, double y, double pixel) =>
        0.9 * Elementary.Sin(x * 0.8 + Fold * Noise.Octaves(x * 0.6, y * 0.6, 5, 0.5, pixel * 0.6));
}

/// <summary>Stones with dark gaps.</summary>
internal sealed record Cobbles(uint Key) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double bend = 0.25 * Other.At(x * 1.7, y * 1.7);
        var (first, second) = Noise.Cells(x + bend, y - bend);
        double gap = Elementary.Smooth(0.03, 0.03 + 0.22 + pixel, second - first);
        return -0.9 + gap * (1.5 - 0.7 * first) + 0.3 * Other.Octaves(x * 2, y * 2, 4, 0.6, pixel * 2);
    }
}

/// <summary>Noise folded at zero: crests, bark, crumpled paper.</summary>
internal sealed record Ridges(uint Key) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double crest = Math.Abs(Noise.Octaves(x, y, 3, 0.5, pixel));
        return 0.8 - 2.4 * crest + 0.35 * Other.Octaves(x * 3, y * 3, 3, 0.6, pixel * 3);
    }
}

/// <summary>Noise drawn out along one direction: wood, brushed metal, grass.</summary>
internal sealed record Grain(uint Key, double Length) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double bend = 0.4 * Other.At(x * 0.5, y * 0.5);
        return 1.4 * Noise.Octaves((x + bend) / Length, (y + bend) * 1.5, 4, 0.65, pixel * 1.5);
    }
}

/// <summary>Threads over and under each other.</summary>
internal sealed record Weave(uint Key) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double bend = 0.12 * Other.At(x * 0.4, y * 0.4), u = 2.2 * (x + bend), v = 2.2 * (y - bend);
        double visible = Math.Clamp(0.3 / (2.2 * pixel) - 0.5, 0, 1);
        double threads = Elementary.Sin(u / 2) * Elementary.Sin(v / 2) + 0.5 * Elementary.Sin(u) * Elementary.Sin(v);
        return visible * 0.6 * threads + 0.7 * Noise.Octaves(x * 0.5, y * 0.5, 5, 0.6, pixel * 0.5);
    }
}

/// <summary>Parallel bands, more or less straight.</summary>
internal sealed record Stripes(uint Key, double Wander) : Texture(Key)
{
    public override double Height(double x, double y, double pixel)
    {
        double visible = Math.Clamp(0.5 / pixel - 0.5, 0, 1);
        double band = Elementary.Sin(x + Wander * 2 * Noise.At(x * 0.3, y * 0.3));
        return visible * 0.9 * band * (1.4 - 0.4 * band * band) + 0.35 * Other.Octaves(x, y, 4, 0.6, pixel);
    }
}
