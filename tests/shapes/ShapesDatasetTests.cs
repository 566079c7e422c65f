using System.Security.Cryptography;
using Iba.Datasets;
using Iba.Shapes;
using Xunit;

namespace Tests.Shapes;

public class ShapesDatasetTests
{
    private static readonly Lazy<ShapesSample[]> FiveHundred = new(() => Many(new ShapesDataset(seed: 3, size: 64), 500, threads: 2));

    [Fact]
    public void Classes_are_balanced_and_in_the_order_of_folders()
    {
        Assert.Equal(ShapesDataset.Classes.Order(StringComparer.Ordinal), ShapesDataset.Classes);
        Assert.Equal(Enumerable.Repeat(50, 10), FiveHundred.Value.CountBy(s => s.Label).OrderBy(c => c.Key).Select(c => c.Value));
    }

    [Fact]
    public void A_box_is_the_tightest_round_its_object_and_boxes_hold_the_whole_mask()
    {
        foreach (ShapesSample sample in FiveHundred.Value)
        {
            Assert.InRange(sample.Boxes.Count, 1, 3);
            Assert.All(sample.Mask, m => Assert.True(m is 0 or 255));
            foreach (Box box in sample.Boxes)
            {
                Assert.True(0 <= box.XMin && box.XMin < box.XMax && box.XMax <= sample.Size);
                Assert.True(0 <= box.YMin && box.YMin < box.YMax && box.YMax <= sample.Size);
                Assert.Contains(Columns(box), x => Seen(sample, x, box.YMin));
                Assert.Contains(Columns(box), x => Seen(sample, x, box.YMax - 1));
                Assert.Contains(Rows(box), y => Seen(sample, box.XMin, y));
                Assert.Contains(Rows(box), y => Seen(sample, box.XMax - 1, y));
            }
            int inBoxes = sample.Boxes.Sum(b => Rows(b).Sum(y => Columns(b).Count(x => Seen(sample, x, y))));
            Assert.Equal(sample.Mask.Count(m => m != 0), inBoxes); // each pixel in one box: the boxes do not overlap
        }
    }

    [Fact]
    public void Boxes_cover_2_to_33_percent_and_every_number_of_objects_occurs()
    {
        double[] covered =
            [.. FiveHundred.Value.Select(s => s.Boxes.Sum(b => (b.XMax - b.XMin) * (b.YMax - b.YMin)) / (double)(s.Size * s.Size))];
        Assert.InRange(covered.Min(), 0.02, 0.06);
        Assert.InRange(covered.Max(), 0.25, 0.33);
        Assert.Equal([1, 2, 3], FiveHundred.Value.Select(s => s.Boxes.Count).Distinct().Order());
    }

    [Fact]
    public void Colour_says_nothing_about_the_class() =>
        Assert.All(ColourVarianceRatios(FiveHundred.Value, lighter: 0), f => Assert.InRange(f, 0, 3.2));

    [Fact]
    public void The_colour_test_would_notice_one_lighter_class() =>
        Assert.Contains(ColourVarianceRatios(FiveHundred.Value, lighter: 40), f => f > 3.2);

    [Fact]
    public void The_mask_marks_pixels_unlike_their_surroundings()
    {
        // The object differs from the ground in luminance by 0.2 or more before textures and light; on average that must be measurable.
        double contrast = FiveHundred.Value.Average(s => Math.Abs(Mean(s, inside: true).Average() - Mean(s, inside: false).Average()));
        Assert.InRange(contrast, 30, 128);
    }

    [Fact]
    public void Pixels_do_not_depend_on_threads_or_order()
    {
        var dataset = new ShapesDataset(seed: 9, size: 48);
        ShapesSample[] parallel = Many(dataset, 60, threads: 8);
        for (int i = parallel.Length - 1; i >= 0; i--)
            Assert.Equal(Fingerprint(dataset.Render(i)), Fingerprint(parallel[i]));
        Assert.Equal(60, parallel.Select(Fingerprint).Distinct().Count());
        Assert.NotEqual(Fingerprint(parallel[0]), Fingerprint(new ShapesDataset(seed: 10, size: 48).Render(0)));
    }

    // A change here changes every data set: raise ShapesDataset.Version with it.
    [Theory]
    [InlineData(0, 224, 0, "c8531fb6e1ba358d")]
    [InlineData(0, 224, 13, "ca55fb88b7b9d9dc")]
    [InlineData(1, 64, 7, "79acae8b1b4cb6a3")]
    [InlineData(ulong.MaxValue, 33, 1_000_000_000_000, "7dfd7b02f574f908")]
    public void Pixels_of_a_version_never_change(ulong seed, int size, long index, string fingerprint) =>
        Assert.Equal(fingerprint, Fingerprint(new ShapesDataset(seed, size).Render(index)));

    [Fact]
    public void A_scene_is_the_same_at_every_size()
    {
        ShapesDataset large = new(seed: 4, size: 192), small = new(seed: 4, size: 64);
        for (int i = 0; i < 30; i++)
        {
            ShapesSample from = large.Render(i), to = small.Render(i);
            Assert.Equal(from.Boxes.Count, to.Boxes.Count);
            foreach (var (a, b) in from.Boxes.Zip(to.Boxes))
            {
                // An edge moves by less than a pixel of the smaller picture, a thin tip by two.
                Assert.InRange(a.XMin / 3.0 - b.XMin, -2, 2);
                Assert.InRange(a.YMin / 3.0 - b.YMin, -2, 2);
                Assert.InRange(a.XMax / 3.0 - b.XMax, -2, 2);
                Assert.InRange(a.YMax / 3.0 - b.YMax, -2, 2);
            }
        }
    }

    [Theory, InlineData(0), InlineData(-1), InlineData(31), InlineData(100_000)]
    public void A_size_out_of_bounds_is_refused_with_the_bounds(int size)
    {
        var error = Assert.Throws<DatasetException>(() => new ShapesDataset(0, size));
        Assert.EndsWith($"from {ShapesDataset.MinSize} to {ShapesDataset.MaxSize}.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_contact_sheet_shows_a_column_for_each_class_and_names_it_below()
    {
        var dataset = new ShapesDataset(seed: 0, size: 64);
        var sheet = ContactSheet.Draw(dataset, rows: 2);
        byte[] second = dataset.Render(11).Rgb;
        const int Gap = 2, Step = 66;
        for (int y = 0; y < 64; y++)
            Assert.Equal(second.AsSpan(y * 192, 192), sheet.Pixels.AsSpan(3 * ((Gap + Step + y) * sheet.Width + Gap + Step), 192));
        // Each name stays inside its own column, so that no name overlaps the next.
        int[] below = [.. Enumerable.Range(Gap + 2 * Step, sheet.Height - Gap - 2 * Step)];
        bool[] ink = [.. Enumerable.Range(0, sheet.Width).Select(x => below.Any(y => sheet[x, y].R < 255))];
        for (int column = 0; column < 10; column++)
        {
            Assert.Contains(true, ink[(Gap + column * Step)..(Gap + column * Step + 64)]);
            Assert.DoesNotContain(true, ink[(column * Step)..(column * Step + Gap)]);
        }
    }

    private static ShapesSample[] Many(ShapesDataset dataset, int count, int threads)
    {
        var samples = new ShapesSample[count];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => samples[i] = dataset.Render(i));
        return samples;
    }

    private static string Fingerprint(ShapesSample sample) =>
        Convert.ToHexStringLower(SHA256.HashData([.. sample.Rgb, .. sample.Mask]))[..16];

    private static IEnumerable<int> Columns(Box box) => Enumerable.Range(box.XMin, box.XMax - box.XMin);

    private static IEnumerable<int> Rows(Box box) => Enumerable.Range(box.YMin, box.YMax - box.YMin);

    private static bool Seen(ShapesSample sample, int x, int y) => sample.Mask[y * sample.Size + x] != 0;

    private static double[] Mean(ShapesSample sample, bool inside)
    {
        int[] pixels = [.. Enumerable.Range(0, sample.Mask.Length).Where(i => sample.Mask[i] != 0 == inside)];
        return [.. Enumerable.Range(0, 3).Select(channel => pixels.Average(i => (double)sample.Rgb[3 * i + channel]))];
    }

    // One-way analysis of variance of the objects' mean red, green and blue: variance between the classes' means over variance within.
    // Were the classes alike, F(9, 490) would pass 3.2 once in a thousand times.
    private static double[] ColourVarianceRatios(ShapesSample[] samples, double lighter)
    {
        var colours = samples.Select(s => (s.Label, Mean: Mean(s, inside: true))).ToArray();
        return [.. Enumerable.Range(0, 3).Select(channel =>
        {
            double[][] classes =
                [.. colours.GroupBy(c => c.Label, c => c.Mean[channel] + (c.Label == 0 ? lighter : 0)).Select(g => g.ToArray())];
            double all = classes.Average(c => c.Average());
            double between = classes.Sum(c => c.Length * Math.Pow(c.Average() - all, 2)) / (classes.Length - 1);
            double within = classes.Sum(c => c.Sum(v => Math.Pow(v - c.Average(), 2))) / (samples.Length - classes.Length);
            return between / within;
        })];
    }
}
