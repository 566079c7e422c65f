using Iba.Shapes.Exact;
using Xunit;

namespace Tests.Shapes;

public class ElementaryTests
{
    // The reference is the C library's functions, which are right to about the last bit but differ between systems.
    [Fact]
    public void Sine_and_cosine_agree_with_the_library()
    {
        for (int i = -4000; i <= 4000; i++)
        {
            double turns = i / 1000.0 + 1e-4;
            Assert.Equal(Math.Sin(2 * Math.PI * turns), Elementary.Sin(turns), 1e-12);
            Assert.Equal(Math.Cos(2 * Math.PI * turns), Elementary.Cos(turns), 1e-12);
        }
    }

    [Fact]
    public void Angle_agrees_with_the_library_in_every_direction()
    {
        for (int i = 0; i < 5000; i++)
        {
            double x = Math.Cos(i * 0.01) * (i + 1), y = Math.Sin(i * 0.01) * (i + 1);
            Assert.Equal(Math.Atan2(y, x) / (2 * Math.PI), Elementary.Angle(x, y), 1e-10);
        }
        (int X, int Y)[] axes = [(1, 0), (0, 1), (-1, 0), (0, -1), (0, 0)];
        Assert.Equal([0, 0.25, 0.5, -0.25, 0], axes.Select(p => Elementary.Angle(p.X, p.Y)));
    }

    [Fact]
    public void Draws_are_uniform_and_forks_do_not_depend_on_what_was_drawn()
    {
        RandomStream one = new(1, 2), other = new(1, 2);
        double[] draws = [.. Enumerable.Range(0, 10_000).Select(_ => one.Uniform())];
        Assert.All(draws, draw => Assert.InRange(draw, 0, 1));
        // Mean and variance of the uniform distribution, within five standard errors of 10 000 draws.
        Assert.Equal(1 / 2.0, draws.Average(), 5 * Math.Sqrt(1 / 12.0 / draws.Length));
        Assert.Equal(1 / 12.0, draws.Average(draw => (draw - 0.5) * (draw - 0.5)), 5 * Math.Sqrt(1 / 180.0 / draws.Length));
        Assert.Equal(one.Fork(3).Next(), other.Fork(3).Next());
        Assert.NotEqual(one.Fork(3).Next(), one.Fork(4).Next());
        Assert.Equal([0, 1, 2, 3, 4], Enumerable.Range(0, 200).Select(_ => one.Below(5)).Distinct().Order());
    }

    [Fact]
    public void Neighbouring_seeds_and_indices_have_streams_of_their_own() =>
        Assert.Equal(400, Enumerable.Range(0, 400).Select(i => new RandomStream((ulong)(i / 20), i % 20).Next()).Distinct().Count());
}
