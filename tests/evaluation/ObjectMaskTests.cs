using Iba;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Images;
using Xunit;

namespace Tests.Evaluation;

public class ObjectMaskTests
{
    /// <summary>Opened inside the tests: where the file is missing they are skipped.</summary>
    private static GoldenFile Metrics => Golden.Open("metrics.safetensors");

    [Fact]
    public void The_score_is_the_references() => Each("bbox.{0}.map", Score);

    [Fact]
    public void Boxes_are_scored_and_left_out_as_the_reference_does() => Each("boxes.{0}.boxes", ScoreBoxes);

    private static void Score(int i)
    {
        var mask = new ObjectMask([.. Metrics.Floats($"bbox.{i}.mask").Select(value => (byte)Math.Round(255 * value))]);
        Assert.Equal(Metrics.Scalar($"bbox.{i}.n"), mask.Pixels);
        // The reference divides in float32.
        Assert.Equal(Metrics.Scalar($"bbox.{i}.score"), mask.Score(Map(Metrics.Floats($"bbox.{i}.map"))), 1e-6);
    }

    private static void ScoreBoxes(int i)
    {
        int[] image = Ints("image_size"), annotated = Ints("annotation_size");
        var annotation = new Annotation("", annotated[0], annotated[1],
            [.. Ints("boxes").Chunk(4).Select(b => new AnnotatedObject("", new Box(b[0], b[1], b[2], b[3])))]);
        byte[] whole = annotation.Mask(image[0], image[1]);
        Assert.Equal(Metrics.Scalar($"boxes.{i}.mask_pixels"), whole.Count(value => value == 255));
        Assert.Equal(Metrics.Bytes($"boxes.{i}.mask"), Preprocessing.ImageNet.Apply(whole, image[0], image[1], "photo"));
        ObjectMask mask = ObjectMask.Of(annotation, (image[0], image[1]), "photo", Preprocessing.ImageNet);
        Assert.Equal(Metrics.Scalar($"boxes.{i}.n"), mask.Pixels);
        Assert.Equal(Metrics.Scalar($"boxes.{i}.mean"), mask.Coverage, 1e-6);
        Assert.Equal(Metrics.Scalar($"boxes.{i}.kept") != 0, mask.Counts);
        Assert.Equal(mask.Counts, mask.LeftOut is null);
        Assert.Equal(Metrics.Has($"boxes.{i}.score"), mask.Pixels > 0);
        if (mask.Pixels > 0)
            Assert.Equal(Metrics.Scalar($"boxes.{i}.score"), mask.Score(Map(Metrics.Floats("boxes.map"))), 1e-6);

        int[] Ints(string field) => [.. Metrics.Longs($"boxes.{i}.{field}").Select(value => (int)value)];
    }

    [Fact]
    public void A_map_that_is_the_same_everywhere_scores_like_chance()
    {
        byte[] soft = [255, 255, 255, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(0.3, new ObjectMask(soft).Score(Map(new float[10])), 1e-12);
    }

    [Fact]
    public void Pixels_that_tie_for_the_last_place_share_it()
    {
        // Three highest pixels: one is outside, one inside; for the third, one pixel inside and three outside tie.
        byte[] soft = [255, 255, 255, 0, 0, 0, 0, 0];
        float[] map = [9, 1, 0, 8, 1, 1, 1, 0];
        Assert.Equal((1 + 0.25) / 3, new ObjectMask(soft).Score(Map(map)), 1e-12);
    }

    [Theory]
    [InlineData((5 + 1) / 10.0, 1, new[] { 5f, 1, 4, 0 })]
    [InlineData(1.5, 0, new[] { 5f, 1, -2, 8, -8 })]
    [InlineData(double.NaN, 0, new[] { 1f, 1, 2, -4, 0 })]
    [InlineData(double.NaN, .5, new[] { 0f, 0, 0, 0 })]
    // The sum is 2⁻²⁴, which is the rounding of its terms.
    [InlineData(double.NaN, 1, new[] { 1f, 0, -.99999994f, 0 })]
    // One extreme value has nearly all the mass, whatever the others are.
    [InlineData(.99, 1, new[] { 99f, 0, 1, 0 })]
    public void The_mass_and_the_highest_pixel_are_inside_or_not(double mass, double hits, float[] map)
    {
        var mask = new ObjectMask([255, 255, .. Enumerable.Repeat((byte)0, map.Length - 2)]);
        Assert.Equal(mass, mask.MassInside(Map(map)), 1e-12);
        Assert.Equal(hits, mask.Hits(Map(map)), 1e-12);
    }

    [Fact]
    public void What_has_no_order_or_no_object_is_refused()
    {
        var mask = new ObjectMask([255, 0]);
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => mask.Score(Map([1, float.NaN]))).Message);
        Assert.Contains("3 pixels", Assert.Throws<ArgumentException>(() => mask.Score(Map([1, 2, 3]))).Message);
        foreach (Func<ObjectMask, Heatmap, double> number in (Func<ObjectMask, Heatmap, double>[])[(of, map) => of.Hits(map), (of, map) => of.MassInside(map)])
        {
            Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => number(mask, Map([1, float.NaN]))).Message);
            Assert.Contains("3 pixels", Assert.Throws<ArgumentException>(() => number(mask, Map([1, 2, 3]))).Message);
        }
        Assert.Throws<InvalidOperationException>(() => new ObjectMask([0, 127]).Score(Map([1, 2])));
    }

    [Theory]
    [InlineData(null, 180, 80, 220, 120)]
    [InlineData("no box")]
    [InlineData("empty or lie outside", 80, 80, 80, 120)]
    [InlineData("empty or lie outside", -50, 80, -10, 120)]
    [InlineData("empty or lie outside", 400, 0, 500, 100)]
    [InlineData("crop keeps none", 0, 0, 10, 10)]
    [InlineData("cover 1.000 of what the network sees, more than 0.33", 0, 0, 400, 200)]
    public void A_photo_that_is_left_out_says_why(string? reason, params int[] boxes)
    {
        // 400 x 200 pixels become 512 x 256, of which the network sees the middle.
        var annotation = new Annotation("", 400, 200, [.. boxes.Chunk(4).Select(b => new AnnotatedObject("", new Box(b[0], b[1], b[2], b[3])))]);
        string? leftOut = ObjectMask.Of(annotation, (400, 200), "photo", Preprocessing.ImageNet).LeftOut;
        if (reason is null)
            Assert.Null(leftOut);
        else
            Assert.Contains(reason, leftOut, StringComparison.Ordinal);
    }

    private static Heatmap Map(float[] values) => new(1, values.Length, values, HeatmapUnit.Relative);

    /// <summary>Runs a check on every case of that field.</summary>
    private static void Each(string field, Action<int> check)
    {
        int[] cases = [.. Enumerable.Range(0, 1000).TakeWhile(i => Metrics.Has(string.Format(null, field, i)))];
        Assert.NotEmpty(cases);
        Assert.All(cases, check);
    }
}
