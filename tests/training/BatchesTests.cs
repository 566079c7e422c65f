using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Images;
using Iba.Shapes;
using Iba.Shapes.Training;
using Xunit;

namespace Tests.Training;

public sealed class BatchesTests : IDisposable
{
    private const int Side = 40, Size = 35, Count = 30, Batch = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_batch_depends_on_seed_and_step_alone()
    {
        using ShapesImages images = Open();
        long[] steps = [0, 1, 6, 7, 20];
        var inOrder = new ShapesBatches(images, Size, Batch, seed: 3);
        float[][] expected = [.. steps.Select(step => Fill(inOrder, step).Images)];
        foreach (int i in (int[])[4, 0, 3, 1, 2])
            Assert.Equal(expected[i], Fill(new ShapesBatches(images, Size, Batch, seed: 3), steps[i]).Images);
        Assert.NotEqual(expected[1], Fill(new ShapesBatches(images, Size, Batch, seed: 4), 1).Images);
    }

    [Fact]
    public void An_epoch_shows_no_image_twice_and_the_next_one_in_another_order()
    {
        using ShapesImages images = Open();
        var batches = new ShapesBatches(images, Size, Batch, seed: 3);
        float[][] epochs = [.. Enumerable.Range(0, 2).Select(epoch => Enumerable.Range(0, (int)batches.StepsPerEpoch)
            .SelectMany(step => Fill(batches, epoch * batches.StepsPerEpoch + step).Targets).ToArray())];
        // 7 batches of 4 leave out 2 of 30 images, so no class of 3 images can be seen a fourth time or less than once.
        foreach (float[] labels in epochs)
            Assert.All(labels.CountBy(label => label), count => Assert.InRange(count.Value, 1, Count / 10));
        Assert.NotEqual(epochs[0], epochs[1]);
    }

    [Fact]
    public void The_centre_crop_is_what_preprocessing_gives()
    {
        using ShapesImages images = Open();
        var crops = new ShapesCrops(images, Size);
        var dataset = new ShapesDataset(5, Side);
        var values = new float[Size * Size * 3];
        crops.Read(3, values);
        // The margin of 5 pixels is odd: torchvision rounds half of it to even, 2, and so does a cut of whole pixels from 5 / 2.
        NetworkInput expected = new Preprocessing { Resize = Side, Crop = Size }.Apply(new Photo(dataset.Render(3).Rgb, Side, Side, "shape"));
        Assert.Equal(expected.Values, values);
    }

    [Fact]
    public void The_eight_positions_are_the_symmetries_of_the_square()
    {
        using ShapesImages images = Open();
        var crops = new ShapesCrops(images, Size);
        float[][] positions = [.. Enumerable.Range(0, 8).Select(position =>
        {
            var values = new float[Size * Size * 3];
            crops.Read(0, values, 2, 2, position);
            return values;
        })];
        Assert.Equal(8, positions.Select(values => string.Join(' ', values)).Distinct().Count());
        float[] sorted = [.. positions[0].Order()];
        Assert.All(positions, values => Assert.Equal(sorted, values.Order()));
    }

    [Fact]
    public void A_file_of_images_cut_short_is_completed_to_the_same_bytes()
    {
        byte[] first, second;
        using (Open())
            first = File.ReadAllBytes(OnlyFile());
        File.WriteAllBytes(OnlyFile(), first[..(Side * Side * 3 * 11 + 17)]);
        using (Open())
            second = File.ReadAllBytes(OnlyFile());
        Assert.Equal(first, second);
    }

    [Fact]
    public void An_image_that_changed_on_the_disk_is_rendered_again()
    {
        using (Open())
        {
        }
        byte[] first = File.ReadAllBytes(OnlyFile()), changed = [.. first];
        changed[Side * Side * 3 * 11 + 17] ^= 1;
        File.WriteAllBytes(OnlyFile(), changed);
        var said = new List<string>();
        using (ShapesImages.Open(_folder["images"], new ShapesDataset(5, Side), ShapesView.Scene, Side, Count, damaged: said.Add))
            Assert.Equal(first, File.ReadAllBytes(OnlyFile()));
        Assert.Contains("image 11 is damaged", Assert.Single(said));
    }

    [Fact]
    public void A_source_that_fails_ends_training_with_its_own_exception()
    {
        using var backend = new CpuBackend(1);
        using var small = new ReferenceTraining(backend);
        using var optimizer = new Sgd(backend, new SgdSettings(0.01), small.Parameters);
        var run = new TrainingRun(small.Network, optimizer, _folder["c"], "");
        Assert.Throws<DllNotFoundException>(() => run.Run([new Stage(new Failing(small.Images), new CosineSchedule(0.01, 0, 9))]));
    }

    [Fact]
    public void The_rate_rises_to_its_peak_and_falls_to_nothing()
    {
        var rate = new CosineSchedule(2, 4, 104);
        Assert.Equal([0.5, 1, 1.5, 2], Enumerable.Range(0, 4).Select(step => rate.At(step)));
        Assert.Equal(2, rate.At(4), 1e-12);
        Assert.Equal(1, rate.At(54), 1e-12);
        Assert.Equal(0, rate.At(104), 1e-12);
    }

    private ShapesImages Open() => ShapesImages.Open(_folder["images"], new ShapesDataset(5, Side), ShapesView.Scene, Side, Count);

    private string OnlyFile() => Assert.Single(Directory.GetFiles(_folder["images"], "*.rgb"));

    private static (float[] Images, float[] Targets) Fill(ShapesBatches batches, long step)
    {
        (float[] images, float[] targets) = (new float[batches.Images.Count], new float[batches.Images.N]);
        batches.Fill(step, images, targets);
        return (images, targets);
    }

    private sealed class Failing(Shape images) : IBatches
    {
        public Shape Images => images;
        public string Description => "none";

        public void Fill(long step, Span<float> images, Span<float> targets)
        {
            if (step == 2)
                throw new DllNotFoundException("the source's own");
        }
    }
}
