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

    private IbaProcess.Result Boxes(params string[] more) => IbaProcess.Run(
    [
        "evaluate", "boxes", "--images", Path.Combine(_shapes.Root, "images"), "--annotations", Path.Combine(_shapes.Root, "annotations"),
        "--size", $"{Size}", .. more,
    ]);
}
