using CsCheck;
using Iba.Images;
using Xunit;

namespace Tests.Images;

public class MapResizeTests
{
    private static readonly Gen<(int H, int W, int ToH, int ToW, int Seed)> Cases =
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[1, 30], Gen.Int[1, 30], Gen.Int);

    // float32 results of a double computation: one rounding, 2^-24 of the value.
    private const double FloatRounding = 1e-6;

    [Theory, InlineData("mirror.0"), InlineData("mirror.1"), InlineData("mirror.2")]
    public void Mirrored_enlargement_equals_skimage(string field)
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        int[] from = golden.Shape($"{field}.input"), to = golden.Shape($"{field}.output");
        double[] map = Doubles(golden.Floats($"{field}.input"));
        AssertClose(golden.Floats($"{field}.output"), MapResize.Enlarge(map, from[0], from[1], to[0], to[1]));
    }

    // Cases 4 and 5 shrink without antialiasing, which this class does not do.
    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(6), InlineData(7)]
    public void Replicated_enlargement_equals_half_pixel_bilinear(int index)
    {
        GoldenFile golden = Golden.Open("resize.safetensors");
        int[] from = golden.Shape($"bilinear.{index}.input"), to = golden.Shape($"bilinear.{index}.half_pixel");
        float[] inputs = golden.Floats($"bilinear.{index}.input"), outputs = golden.Floats($"bilinear.{index}.half_pixel");
        for (int c = 0; c < from[1]; c++)
        {
            double[] map = Doubles(inputs.AsSpan(c * from[2] * from[3], from[2] * from[3]));
            double[] actual = MapResize.Enlarge(map, from[2], from[3], to[2], to[3], MapBorder.Replicate);
            AssertClose(outputs.AsSpan(c * to[2] * to[3], to[2] * to[3]).ToArray(), actual);
        }
    }

    [Theory, InlineData(MapBorder.Mirror), InlineData(MapBorder.Replicate)]
    public void Every_pixel_equals_the_formula_written_out(MapBorder border) => Cases.Sample(c =>
    {
        double[] map = Noise(c.Seed, c.H * c.W);
        double[] actual = MapResize.Enlarge(map, c.H, c.W, c.H * c.ToH, c.W + c.ToW, border);
        for (int y = 0; y < c.H * c.ToH; y++)
        {
            for (int x = 0; x < c.W + c.ToW; x++)
            {
                double v = (y + 0.5) / c.ToH - 0.5, u = (x + 0.5) * c.W / (c.W + c.ToW) - 0.5, sum = 0;
                for (int i = (int)Math.Floor(v); i <= Math.Floor(v) + 1; i++)
                {
                    for (int j = (int)Math.Floor(u); j <= Math.Floor(u) + 1; j++)
                        sum += (1 - Math.Abs(v - i)) * (1 - Math.Abs(u - j)) * map[Inside(i, c.H, border) * c.W + Inside(j, c.W, border)];
                }
                Assert.Equal(sum, actual[y * (c.W + c.ToW) + x], 1e-12);
            }
        }
    }, iter: 100);

    [Fact]
    public void The_same_size_is_the_identity() => Cases.Sample(c =>
    {
        double[] map = Noise(c.Seed, c.H * c.W);
        Assert.Equal(map, MapResize.Enlarge(map, c.H, c.W, c.H, c.W));
        Assert.Equal(map, MapResize.Enlarge(map, c.H, c.W, c.H, c.W, MapBorder.Replicate));
    }, iter: 50);

    [Fact]
    public void Replicating_the_edge_keeps_the_mean_for_whole_factors() => Cases.Sample(c =>
    {
        double[] map = Noise(c.Seed, c.H * c.W);
        Assert.Equal(map.Average(), MapResize.Enlarge(map, c.H, c.W, c.H * c.ToH, c.W * c.ToW, MapBorder.Replicate).Average(), 1e-12);
    }, iter: 100);

    [Fact]
    public void Mirroring_gives_an_edge_cell_seven_eighths_of_its_weight()
    {
        // 28 -> 224 is a factor of 8: an edge cell loses 1/8 of itself to its neighbour, which counts 9/8; the rest count once.
        double Weight(int cell)
        {
            double[] map = new double[28];
            map[cell] = 1;
            return MapResize.Enlarge(map, 1, 28, 1, 224).Sum() / 8;
        }
        Assert.Equal(7 / 8.0, Weight(0), 1e-12);
        Assert.Equal(9 / 8.0, Weight(1), 1e-12);
        Assert.Equal(1, Weight(2), 1e-12);
        Assert.Equal(9 / 8.0, Weight(26), 1e-12);
        Assert.Equal(7 / 8.0, Weight(27), 1e-12);
    }

    [Fact]
    public void Any_size_keeps_a_constant_map_constant_and_stays_inside_of_the_range() => Cases.Sample(c =>
    {
        double[] map = Noise(c.Seed, c.H * c.W);
        Assert.All(MapResize.Enlarge(map, c.H, c.W, c.ToH, c.ToW), value => Assert.InRange(value, map.Min() - 1e-12, map.Max() + 1e-12));
        Assert.All(MapResize.Enlarge([.. map.Select(_ => 0.3)], c.H, c.W, c.ToH, c.ToW), value => Assert.Equal(0.3, value, 1e-12));
    }, iter: 100);

    [Fact]
    public void Shrinking_lets_every_sample_count()
    {
        for (int cell = 0; cell < 9; cell++)
        {
            double[] map = new double[9];
            map[cell] = 1;
            Assert.True(MapResize.Enlarge(map, 1, 9, 1, 2).Sum() > 0, $"sample {cell} is lost");
        }
    }

    [Fact]
    public void NaN_reaches_only_the_pixels_between_it_and_its_neighbours()
    {
        double[] map = [1, 1, double.NaN, 1, 1];
        double[] wide = MapResize.Enlarge(map, 1, 5, 1, 50);
        // Sample 2 has its centre at pixel 25, its neighbours' at 15 and 35.
        Assert.All(wide.Index(), pixel => Assert.Equal(pixel.Index + 0.5 is > 15 and < 35, double.IsNaN(pixel.Item)));
    }

    [Fact]
    public void In_a_window_the_map_is_placed_there_and_nowhere_else()
    {
        double[] map = Noise(5, 12), alone = MapResize.Enlarge(map, 3, 4, 9, 12);
        var placed = new MapResize(map, 3, 4, new PhotoWindow(-2, 3, 12, 9), 15, 20, MapBorder.Mirror);
        double[] row = new double[20];
        for (int y = 0; y < 15; y++)
        {
            placed.Row(y, row);
            for (int x = 0; x < 20; x++)
            {
                bool inside = x < 10 && y is >= 3 and < 12;
                Assert.Equal(inside, placed.Covers(x, y));
                Assert.Equal(inside ? alone[(y - 3) * 12 + x + 2] : double.NaN, row[x], 1e-12);
            }
        }
    }

    [Fact]
    public void Extents_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => MapResize.Enlarge(new double[5], 2, 3, 4, 6));
        Assert.Throws<ArgumentException>(() => MapResize.Enlarge(new double[6], 2, 3, 0, 6));
        Assert.Throws<ArgumentException>(() => new MapResize(new double[6], 2, 3, new PhotoWindow(0, 0, 0, 4), 4, 4, MapBorder.Mirror));
    }

    private static int Inside(int index, int count, MapBorder border)
    {
        if (count == 1 || border == MapBorder.Replicate)
            return Math.Clamp(index, 0, count - 1);
        return index < 0 ? -index : index >= count ? 2 * (count - 1) - index : index;
    }

    private static double[] Noise(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5)];
    }

    private static double[] Doubles(ReadOnlySpan<float> values)
    {
        double[] doubles = new double[values.Length];
        for (int i = 0; i < doubles.Length; i++)
            doubles[i] = values[i];
        return doubles;
    }

    private static void AssertClose(float[] expected, double[] actual)
    {
        double tolerance = FloatRounding * expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], tolerance);
    }
}
