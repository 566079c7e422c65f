using Iba.Shapes.Exact;

namespace Iba.Shapes.Scenes;

/// <summary>
/// The colours of one picture: some for the background, some for objects and fragments alike. The latter are lighter or darker than the
/// background, so that everything is visible.
/// </summary>
internal sealed record Palette(IReadOnlyList<Colour> Ground, IReadOnlyList<Colour> Objects)
{
    // Hues in turns: earth, foliage, water and sky; sometimes any hue.
    private static readonly IReadOnlyList<(double From, double To)> GroundHues = [(0.02, 0.15), (0.15, 0.42), (0.5, 0.66), (0, 1)];

    public static Palette Draw(RandomStream random)
    {
        var (from, to) = random.Pick(GroundHues);
        double hue = random.Uniform(from, to), lightness = random.Uniform(0.2, 0.75), spread = random.Uniform(0.02, 0.14);
        double saturation = random.Uniform(0.05, 0.42);
        var ground = new Colour[4];
        for (int i = 0; i < ground.Length; i++)
        {
            ground[i] = Colour.FromHue(
                hue + random.Uniform(-spread, spread), saturation * random.Uniform(0.6, 1.2),
                Math.Clamp(lightness + (i - 1.5) * random.Uniform(0.05, 0.14), 0.04, 0.94));
        }

        double luminance = ground.Average(c => c.Luminance);
        var objects = new Colour[2 + random.Below(3)];
        for (int i = 0; i < objects.Length; i++)
        {
            bool lighter = random.Chance(luminance < 0.4 ? 1 : luminance > 0.6 ? 0 : 0.5);
            double contrast = random.Uniform(0.22, 0.45);
            objects[i] = Colour.FromHue(random.Uniform(), random.Uniform(0.35, 1), 0.5)
                .WithLuminance(Math.Clamp(luminance + (lighter ? contrast : -contrast), 0.06, 0.92));
        }
        return new Palette(ground, objects);
    }
}
