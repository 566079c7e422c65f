using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests;

/// <summary>Pseudo-random values, the same in every run.</summary>
internal static class Draws
{
    public static Exact Of(int seed, Shape shape, double low = -1, double high = 1)
    {
        var random = new Random(seed);
        return new Exact(shape).Like(_ => (float)(low + (high - low) * random.NextDouble()));
    }

    /// <summary>Copies of an image, each with its own noise.</summary>
    public static float[][] Images(float[] like, int count) =>
        [.. Enumerable.Range(0, count).Select(seed =>
        {
            var random = new Random(seed);
            return like.Select(x => (float)(x * (0.5 + random.NextDouble()) + 0.3 * (random.NextDouble() - 0.5))).ToArray();
        })];
}
