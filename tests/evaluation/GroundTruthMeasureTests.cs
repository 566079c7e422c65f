using Iba;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Networks;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;
using Iba.Shapes;
using Iba.Statistics;
using Tests.Bottleneck;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Evaluation;

/// <summary>Maps against exact masks, and whether cells without bits are necessary.</summary>
public sealed class GroundTruthMeasureTests
{
    [Fact]
    public void A_maps_share_mass_and_highest_pixel_are_held_against_the_mask()
    {
        using var of = new ReadoutCase();
        var photo = new ExplainedPhoto(Photo(of.Samples[0], [255, 255, 0, 0]), new Result(Map(2, [5, 1, 4, 0]), 0, [1]));
        var random = new EvaluatedMethod(AttributionMethods.Find("random"), new MethodInputs(of.Network, of.Image));
        Measurement record = Measure(random, photo);
        Assert.Equal((2, .5, .5, .6, 1), (record["mask_pixels"][0], record["mask_share"][0], record["score"][0], record["mass"][0], record["hits"][0]));
        Assert.All((string[])["empty_cells", "kept_class", "kept_class_random"], name => Assert.Equal(double.NaN, record[name][0]));

        IReadOnlyList<Score> scores = Measures.Find("ground-truth").Scores([record]);
        Assert.Equal([.5, .6, 1, double.NaN, double.NaN, double.NaN, .5], scores.Select(score => score.Value));
        Assert.Equal(["random", null], scores.Select(score => score.Method).Distinct());
    }

    [Fact]
    public void A_photo_without_mask_or_with_an_empty_one_is_left_out()
    {
        using var of = new ReadoutCase();
        IMeasure measure = new GroundTruthMeasure();
        Assert.Equal("it has no mask", measure.LeftOut(Photo(of.Samples[0], null)));
        Assert.Contains("marks nothing", measure.LeftOut(Photo(of.Samples[0], [127, 0])));
        Assert.Null(measure.LeftOut(Photo(of.Samples[0], [128, 255])));
    }

    /// <summary>Cells of 2 x 1 pixels with means 100, 1, 1.5 and 0: at most a hundredth of the most has no bits.</summary>
    [Fact]
    public void A_cell_has_no_bits_below_a_hundredth_of_the_most()
    {
        Assert.Equal([false, true, false, true], GroundTruthMeasure.EmptyCells(Map(4, [150, 50, 0, 2, 1, 2, 0, 0]), 2, 2));
        Assert.Equal([true, true, true, true], GroundTruthMeasure.EmptyCells(Map(2, new float[4]), 2, 2));
        // Five pixels in two cells: the first has three of them.
        Assert.Equal([false, true], GroundTruthMeasure.EmptyCells(Map(5, [0, 0, 3, 0, 0]), 1, 2));
    }

    [Fact]
    public void Cells_without_bits_are_replaced_by_noise_and_as_many_random_ones_for_comparison()
    {
        using var of = new ReadoutCase();
        FeatureStatistics statistics = of.Statistics.First;
        // No neuron is masked out, so that the features that are not replaced are the network's own.
        statistics = statistics with { Nonzero = [.. Enumerable.Repeat(1f, statistics.Nonzero.Length)] };
        var inputs = new MethodInputs(of.Network, of.Image) { Statistics = statistics };
        var method = new EvaluatedMethod(AttributionMethods.Find("per-sample"), inputs);
        using var inference = new Inference(of.Network, of.Image);
        Sample sample = of.Samples[0];
        float[] logits = inference.Run(sample.Pixels);
        int predicted = Classes.Largest(logits);

        // Every cell has the same bits: nothing is replaced. No cell has bits: everything is, both times.
        Measurement full = Run(1), none = Run(0);
        Assert.Equal((0, 1, 1), (full["empty_cells"][0], full["kept_class"][0], full["kept_class_random"][0]));
        Assert.Equal(1, none["empty_cells"][0]);
        Assert.Equal(none["kept_class"][0], none["kept_class_random"][0]);

        // Bits in the upper half alone: the noise of that mask, by the parts.
        Measurement upper = Run(1, 0);
        Assert.Equal(.5, upper["empty_cells"][0]);
        using IBottleneck bottleneck = (IBottleneck)method.Create();
        using RestrictedNetwork network = bottleneck.Restricted(10);
        float[] mask = [.. Enumerable.Range(0, network.Features.Row).Select(i => i < network.Features.Row / 2 ? 1f : 0f)];
        Assert.Equal(network.Run(sample, mask).Logits.Average(each => Classes.Largest(each) == predicted ? 1.0 : 0), upper["kept_class"][0]);
        Assert.Equal(upper["kept_class_random"], Run(1, 0)["kept_class_random"]);

        Measurement Run(params float[] halves)
        {
            int pixels = ReadoutCase.Size * ReadoutCase.Size;
            Heatmap map = Map(ReadoutCase.Size, [.. Enumerable.Range(0, pixels).Select(i => halves[i * halves.Length / pixels])]);
            return Measure(method, new ExplainedPhoto(Photo(sample, [.. Enumerable.Repeat((byte)255, pixels)]), new Result(map, predicted, logits)));
        }
    }

    [Fact]
    public void The_masks_of_the_shapes_data_set_lie_beside_its_photos()
    {
        const int Size = 32;
        using var folder = new TemporaryFolder();
        using var of = new ReadoutCase();
        var shapes = new ShapesFolder(folder["shapes"]);
        var drawn = new ShapesDataset(seed: 2, Size);
        shapes.Write(drawn, 3);
        File.Delete(shapes.MaskPath(2));
        // All in one folder serves as well.
        string flat = Directory.CreateDirectory(folder["flat"]).FullName;
        foreach (int index in (int[])[0, 1])
            File.Copy(shapes.MaskPath(index), Path.Combine(flat, Path.GetFileName(shapes.MaskPath(index))));
        var classifier = new Classifier(of.Network) { Preprocessing = new Preprocessing { Resize = Size, Crop = Size } };
        foreach (string masks in (string[])[folder["shapes/masks"], flat])
        {
            var photos = new LabelledPhotos(classifier, new PhotoSet(folder["shapes/images"]), masks: masks);
            foreach (ImageFile file in photos.Files)
            {
                int index = Enumerable.Range(0, 3).Single(i => shapes.ImagePath(i) == file.Path);
                ObjectMask? mask = photos.Read(file, TestContext.Current.CancellationToken).Mask;
                Assert.Equal(index == 2 ? null : drawn.Render(index).Mask.Count(value => value == 255), mask?.Pixels);
            }
        }
        Assert.Contains("there is no such folder", Assert.Throws<DatasetException>(
            () => new LabelledPhotos(classifier, new PhotoSet(folder["shapes/images"]), masks: folder["nowhere"])).Message);
    }

    [Fact]
    public void A_mask_of_another_size_or_with_colours_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["grey.png"], PngFile.EncodeGrey(new byte[6], 3, 2));
        File.WriteAllBytes(folder["colour.png"], PngFile.Encode([255, 255, 255, 0, 0, 0, 0, 200, 0], 3, 1));
        Assert.Contains("3 x 2 pixels, its photo 2 x 3", Refusal("grey.png", (2, 3)));
        Assert.Contains("coloured (row 0, column 2)", Refusal("colour.png", (3, 1)));

        string Refusal(string name, (int, int) extents) => Assert.Throws<DatasetException>(
            () => ObjectMask.Read(folder[name], extents, Preprocessing.ImageNet, TestContext.Current.CancellationToken)).Message;
    }

    private static Measurement Measure(EvaluatedMethod method, ExplainedPhoto photo)
    {
        using var measure = new GroundTruthMeasure();
        return new Measurement("photo", method.Name, measure.Name, 0, TargetSource.Folder,
            measure.Measure(method, [photo], TestContext.Current.CancellationToken).Single());
    }

    private static LabelledPhoto Photo(Sample sample, byte[]? mask) => new(new ImageFile("photo", "photo", null), null!, sample, TargetSource.Folder, null)
    {
        Mask = mask is null ? null : new ObjectMask(mask),
    };

    private static Heatmap Map(int width, float[] values) => new(values.Length / width, width, values, HeatmapUnit.BitsPerPixel);
}
