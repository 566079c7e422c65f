using Iba.Datasets;
using Iba.Images;
using Iba.Shapes;
using Xunit;

namespace Tests.Shapes;

public class ShapesFolderTests
{
    private static readonly ShapesDataset Small = new(seed: 2, size: 32);

    [Fact]
    public void What_is_on_disk_is_what_was_drawn()
    {
        using var temporary = new TemporaryFolder();
        var folder = new ShapesFolder(temporary["shapes"]);
        folder.Write(Small, 23);

        ShapesCard card = ShapesCard.Read(folder.Root);
        Assert.Equal((ShapesDataset.Version, 2ul, 32, 23, true), (card.Version, card.Seed, card.Size, card.Count, card.Complete));
        Assert.Equal(ShapesDataset.Classes, card.Classes);
        for (int i = 0; i < 23; i++)
        {
            ShapesSample sample = Small.Render(i);
            string name = ShapesDataset.Classes[sample.Label];
            Assert.Equal(sample.Rgb, PhotoFile.Read(folder.ImagePath(i)).Pixels);
            Assert.Equal(sample.Mask.SelectMany(m => new[] { m, m, m }), PhotoFile.Read(folder.MaskPath(i)).Pixels);
            Annotation annotation = Annotation.Read(folder.AnnotationPath(i));
            Assert.Equal((Path.GetFileName(folder.ImagePath(i)), 32, 32), (annotation.FileName, annotation.Width, annotation.Height));
            Assert.Equal(sample.Boxes.Select(box => new AnnotatedObject(name, box)), annotation.Objects);
        }
    }

    [Fact]
    public void The_images_are_an_image_folder_with_the_labels_of_the_data_set()
    {
        using var temporary = new TemporaryFolder();
        var folder = new ShapesFolder(temporary["shapes"]);
        folder.Write(Small, 10);
        var images = new PhotoSet(Path.Combine(folder.Root, "images"));
        Assert.Equal(ShapesDataset.Classes, images.Classes);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => folder.ImagePath(i)), images.Files.Select(f => f.Path));
    }

    // 224 * (61 / 224.0) is a little less than 61, and the evaluation drops the fraction: at 224 pixels three corners lose one pixel.
    [Theory, InlineData(32, 0), InlineData(64, 0), InlineData(96, 0), InlineData(128, 0), InlineData(224, 3), InlineData(256, 0)]
    public void The_corner_arithmetic_of_the_evaluation_reproduces_the_boxes_up_to_rounding(int size, int lost)
    {
        int[] widths =
        [
            .. Enumerable.Range(1, size).Select(corner =>
                new Annotation("a", size, size, [new("ring", new Box(0, 0, corner, 1))]).Mask(size, size).Count(m => m == 255)),
        ];
        Assert.All(widths, (width, i) => Assert.InRange(i + 1 - width, 0, 1));
        Assert.Equal(lost, widths.Where((width, i) => width != i + 1).Count());
    }

    [Fact]
    public void A_cancelled_write_leaves_whole_files_and_resumes_later()
    {
        using var temporary = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();
        var folder = new ShapesFolder(temporary["shapes"]);
        var stop = new Counting(done =>
        {
            if (done == 5)
                cancellation.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => folder.Write(Small, 60, stop, threads: 2, cancellation.Token));

        Assert.False(ShapesCard.Read(folder.Root).Complete);
        Assert.DoesNotContain(Files(folder), file => file.EndsWith(".tmp", StringComparison.Ordinal));
        int[] there = [.. Enumerable.Range(0, 60).Where(i => File.Exists(folder.ImagePath(i)))];
        Assert.InRange(there.Length, 5, 59);
        Assert.All(there, i => Assert.Equal(Small.Render(i).Rgb, PhotoFile.Read(folder.ImagePath(i)).Pixels));
        Assert.All(there, i => Assert.True(File.Exists(folder.MaskPath(i)) && File.Exists(folder.AnnotationPath(i))));

        DateTime before = File.GetLastWriteTimeUtc(folder.ImagePath(there[0]));
        var again = new Counting(_ => { });
        folder.Write(Small, 60, again);
        Assert.Equal(60, again.Most);
        Assert.True(ShapesCard.Read(folder.Root).Complete);
        Assert.Equal(before, File.GetLastWriteTimeUtc(folder.ImagePath(there[0])));
        Assert.Equal(60 * 3 + 1, Files(folder).Length);
    }

    [Fact]
    public void A_larger_count_adds_and_a_smaller_one_is_refused()
    {
        using var temporary = new TemporaryFolder();
        var folder = new ShapesFolder(temporary["shapes"]);
        folder.Write(Small, 4);
        folder.Write(Small, 6);
        Assert.Equal(6 * 3 + 1, Files(folder).Length);
        Assert.Contains("holds 6 images", Refusal(folder, Small, 5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_something_else_is_refused_and_left_alone()
    {
        using var temporary = new TemporaryFolder();
        var folder = new ShapesFolder(temporary["shapes"]);
        folder.Write(Small, 2);
        Assert.Contains("another shapes data set", Refusal(folder, new ShapesDataset(3, 32), 2), StringComparison.Ordinal);

        Directory.CreateDirectory(temporary["photos"]);
        string photo = temporary.With(Path.Combine("photos", "holiday.jpg"), [1, 2, 3]);
        Assert.Contains("not empty", Refusal(new ShapesFolder(temporary["photos"]), Small, 2), StringComparison.Ordinal);
        Assert.Equal([photo], Directory.GetFileSystemEntries(temporary["photos"]));

        Assert.Contains("cannot be written", Refusal(new ShapesFolder(photo), Small, 2), StringComparison.Ordinal);
        Assert.Contains("at least one", Refusal(new ShapesFolder(temporary["new"]), Small, 0), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"version":1,"seed":-1,"size":32,"count":2,"complete":true,"classes":[]}""")]
    public void A_card_that_is_none_is_a_clear_error(string json)
    {
        using var temporary = new TemporaryFolder();
        temporary.With(ShapesCard.FileName, System.Text.Encoding.UTF8.GetBytes(json));
        var error = Assert.Throws<DatasetException>(() => ShapesCard.Read(temporary["."]));
        Assert.Contains("not the card of a shapes data set", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_in_the_cards_place_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        using var temporary = new TemporaryFolder();
        using (var made = System.Diagnostics.Process.Start("mkfifo", [temporary[ShapesCard.FileName]]))
            made.WaitForExit();
        Assert.Contains("not the card", Refusal(new ShapesFolder(temporary["."]), Small, 2), StringComparison.Ordinal);
    }

    private static string Refusal(ShapesFolder folder, ShapesDataset dataset, int count) =>
        Assert.Throws<DatasetException>(() => folder.Write(dataset, count)).Message;

    private static string[] Files(ShapesFolder folder) => Directory.GetFiles(folder.Root, "*", SearchOption.AllDirectories);

    private sealed class Counting(Action<int> then) : IProgress<int>
    {
        private int _most;

        public int Most => _most;

        public void Report(int value)
        {
            lock (then)
                _most = Math.Max(_most, value);
            then(value);
        }
    }
}
