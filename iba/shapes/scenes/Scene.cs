using Iba.Shapes.Exact;
using Iba.Shapes.Forms;

namespace Iba.Shapes.Scenes;

/// <summary>A soft disc of light or shade, out of focus.</summary>
internal sealed record Glow(double X, double Y, double Radius, double Rim, Colour Colour, double Strength);

/// <summary>
/// The contents of a picture, independent of its size: lengths are in units of the picture's side, so that one scene can be painted at every size.
/// Ground, objects and fragments take random numbers from streams of their own, so that a change to one does not change the others.
/// </summary>
internal sealed record Scene(
    Ground Ground, Ground Second, double SecondShare, Noise Border, double LightX, double LightY, double LightFall, double Vignette,
    double FilmGrain, Noise Film, IReadOnlyList<Glow> Glows, IReadOnlyList<Solid> Behind, IReadOnlyList<Solid> Objects,
    IReadOnlyList<Solid> Before)
{
    /// <summary>The scene of one image: one to three objects of the class.</summary>
    public static Scene Draw(RandomStream image, FormClass formClass)
    {
        Palette palette = Palette.Draw(image.Fork(1));
        IReadOnlyList<Solid> objects = Layout.Objects(image.Fork(2), formClass, palette);
        IReadOnlyList<Solid> fragments = Layout.Fragments(image.Fork(3), palette, objects);
        RandomStream threads = image.Fork(4), ground = image.Fork(5), light = image.Fork(6);
        double direction = light.Uniform();
        return new Scene(
            Ground.Draw(ground, palette), Ground.Draw(ground, palette), ground.Chance(0.55) ? ground.Uniform(0.25, 0.6) : 0,
            new Noise((uint)ground.Next()), Elementary.Cos(direction), Elementary.Sin(direction), light.Uniform(0, 0.3),
            light.Uniform(0, 0.5), light.Uniform(0, 0.02), new Noise((uint)light.Next()), DrawGlows(image.Fork(7), palette),
            [.. DrawThreads(threads, palette, threads.Below(6)), .. fragments], objects,
            threads.Chance(0.35) ? DrawThreads(threads, palette, 1 + threads.Below(2)) : []);
    }

    private static Glow[] DrawGlows(RandomStream random, Palette palette)
    {
        var glows = new Glow[random.Below(9)];
        for (int i = 0; i < glows.Length; i++)
        {
            Colour colour = random.Pick(random.Chance(0.5) ? palette.Ground : palette.Objects);
            glows[i] = new Glow(
                random.Uniform(), random.Uniform(), random.Uniform(0.04, 0.2), random.Uniform(0.1, 0.9), colour, random.Uniform(0.1, 0.4));
        }
        return glows;
    }

    private static Solid[] DrawThreads(RandomStream random, Palette palette, int count)
    {
        var threads = new Solid[count];
        for (int i = 0; i < count; i++)
        {
            double scale = random.Uniform(0.4, 1.0), width = random.Uniform(0.003, 0.008);
            Pose pose = Pose.Draw(random, random.Uniform(), random.Uniform(), scale);
            Material material = Material.Draw(random, palette);
            if (random.Chance(0.6))
                material = material with { Colour = random.Pick(palette.Ground) * random.Uniform(0.6, 1.3), Pattern = 0 };
            threads[i] = new Solid(new Forms.Thread(random.Uniform(-0.5, 0.5), width / scale), pose, material);
        }
        return threads;
    }
}
