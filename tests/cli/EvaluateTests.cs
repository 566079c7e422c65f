using System.Text.Json;
using Iba.Datasets;
using Tests.Weights;
using Xunit;

namespace Tests.Cli;

public sealed class EvaluateTests : IDisposable
{
    private const int Count = 10, Size = 64;

    private readonly TemporaryFolder _folder = new();
    private readonly ShapesFolder _shapes;

    public EvaluateTests()
    {
        _shapes = new ShapesFolder(_folder["shapes"]);
        _shapes.Write(new ShapesDataset(seed: 9, Size), Count);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Boxes_tells_a_score_for_every_photo_and_method()
    {
        IbaProcess.Result result = Boxes("--methods", "gradient,random", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(["gradient", "random"], lines.Select(line => line.GetProperty("method").GetString()).Distinct());
        foreach (IGrouping<string, JsonElement> photo in lines.GroupBy(line => line.GetProperty("image").GetString()!))
        {
            Assert.Equal(2, photo.Count());
            int label = Enumerable.Range(0, Count).Single(i => _shapes.ImagePath(i) == photo.Key) % ShapesDataset.Classes.Count;
            Assert.All(photo, line =>
            {
                Assert.Equal(label, line.GetProperty("target").GetInt32());
                Assert.InRange(line.GetProperty("score").GetDouble(), 0, 1);
                Assert.InRange(line.GetProperty("box_share").GetDouble(), 1e-6, 0.33);
            });
        }
    }

    [Fact]
    public void The_table_ends_with_what_chance_would_find()
    {
        IbaProcess.Result result = Boxes("--methods", "random", "--count", "5");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("Random", result.Output);
        Assert.Contains("share of the photos", result.Output);
    }

    [Fact]
    public void A_photo_without_annotation_is_named_and_the_others_count()
    {
        File.Delete(_shapes.AnnotationPath(3));
        IbaProcess.Result result = Boxes("--methods", "random");
        Assert.Equal(4, result.ExitCode);
        Assert.Contains(Path.GetFileName(_shapes.AnnotationPath(3)), result.Error);
        Assert.Contains("Random", result.Output);
    }

    [Fact]
    public void Where_no_box_counts_there_is_nothing_to_evaluate()
    {
        for (int i = 0; i < Count; i++)
            new Annotation("", Size, Size, []).Write(_shapes.AnnotationPath(i));
        IbaProcess.Result result = Boxes("--methods", "random");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("nothing to evaluate", result.Error);
    }

    [Fact]
    public void Where_every_photo_failed_the_command_failed()
    {
        for (int i = 0; i < Count; i++)
            File.Delete(_shapes.AnnotationPath(i));
        IbaProcess.Result result = Boxes("--methods", "random");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"none of {Count} photos could be evaluated", result.Error);
    }

    [Fact]
    public void The_network_that_was_taken_is_named_where_none_was_asked_for()
    {
        Assert.Contains("demo-resnet50", Boxes("--methods", "random", "--count", "1").Error);
        Assert.DoesNotContain("evaluating", Boxes("--methods", "random", "--count", "1", "--model", "demo-vgg16").Error);
    }

    [Fact]
    public void Missing_statistics_are_not_looked_for_in_the_folder_that_is_evaluated()
    {
        IbaProcess.Result result = Boxes("--weights", Golden.Path("resnet50-narrow.pth"));
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("Give --statistics FILE", result.Error);
        Assert.DoesNotContain("Give --images", result.Error);
    }

    private IbaProcess.Result Boxes(params string[] more) => IbaProcess.Run(
    [
        "evaluate", "boxes", "--images", Path.Combine(_shapes.Root, "images"), "--annotations", Path.Combine(_shapes.Root, "annotations"),
        "--size", $"{Size}", .. more,
    ]);
}
