using System.Text.Json;
using Iba;
using Iba.Cli;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Shapes;
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
    public void Boxes_reports_a_score_for_every_photo_and_method()
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
                Assert.Equal("folder", line.GetProperty("target_from").GetString());
                Assert.InRange(line.GetProperty("score").GetDouble(), 0, 1);
                Assert.InRange(line.GetProperty("box_share").GetDouble(), 1e-6, 0.33);
            });
        }
    }

    [Fact]
    public void Exact_masks_are_found_by_the_photos_names_and_a_photo_without_one_is_left_out()
    {
        File.Delete(_shapes.MaskPath(3));
        IbaProcess.Result result = IbaProcess.Run(
            "evaluate", "ground-truth", "--images", _folder["shapes/images"], "--masks", _folder["shapes/masks"], "--model", "demo-resnet50",
            "--size", $"{Size}", "--methods", "random", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Dictionary<string, JsonElement> lines = result.Lines.Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(line => line.GetProperty("image").GetString()!);
        Assert.Equal(Count, lines.Count);
        Assert.Equal("it has no mask", lines[_shapes.ImagePath(3)].GetProperty("left_out").GetString());
        // The photo is enlarged from 64 to 73 pixels, of which the network sees the middle 64.
        double pixels = new ShapesDataset(seed: 9, Size).Render(0).Mask.Count(value => value == 255) * Math.Pow(73.0 / 64, 2);
        Assert.InRange(lines[_shapes.ImagePath(0)].GetProperty("mask_pixels").GetInt32(), 0.9 * pixels, 1.1 * pixels);
        Assert.Equal(JsonValueKind.Null, lines[_shapes.ImagePath(0)].GetProperty("kept_class").ValueKind);
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
    public void A_photo_without_annotation_is_named_and_the_others_are_evaluated()
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
    public void Every_photo_left_out_has_a_line_and_a_record_with_the_reason()
    {
        Box small = new(20, 20, 40, 40);
        (string? Reason, Box[] Boxes)[] cases =
        [
            (null, [small]),
            ("has no box", []),
            ("empty or lie outside", [new(9, 9, 9, 30)]),
            ("empty or lie outside", [new(Size + 5, 0, Size + 9, 9)]),
            ("cover 1.000", [new(0, 0, Size, Size)]),
            (null, [new(40, 40, 20, 20)]),
        ];
        for (int i = 0; i < Count; i++)
            new Annotation("", Size, Size, [.. (i < cases.Length ? cases[i].Boxes : [small]).Select(box => new AnnotatedObject("cat", box))])
                .Write(_shapes.AnnotationPath(i));
        IbaProcess.Result result = Boxes("--methods", "random", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Dictionary<string, JsonElement> lines = result.Lines.Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(line => line.GetProperty("image").GetString()!);
        Assert.Equal(Count, lines.Count);
        for (int i = 0; i < cases.Length; i++)
        {
            JsonElement line = lines[_shapes.ImagePath(i)];
            if (cases[i].Reason is { } reason)
            {
                Assert.Contains(reason, line.GetProperty("left_out").GetString());
                Assert.Contains($"{Path.GetFileName(_shapes.ImagePath(i))}: left out: {line.GetProperty("left_out").GetString()}", result.Error);
            }
            else
            {
                Assert.True(line.TryGetProperty("score", out _));
            }
        }
        Assert.Contains($"left out: 4 of {Count} photos", result.Error);
    }

    [Fact]
    public void A_photo_that_failed_has_a_record_too()
    {
        File.WriteAllText(_shapes.AnnotationPath(0), "no xml");
        IbaProcess.Result result = Boxes("--methods", "random", "--json");
        Assert.Equal(4, result.ExitCode);
        JsonElement failed = result.Lines.Select(line => JsonDocument.Parse(line).RootElement).Single(line => line.TryGetProperty("error", out _));
        Assert.Equal(_shapes.ImagePath(0), failed.GetProperty("image").GetString());
    }

    [Theory, InlineData("all"), InlineData("target"), InlineData("other"), InlineData("thing,OTHER"), InlineData("none")]
    public void Boxes_of_some_classes_can_be_counted_alone(string classes)
    {
        // Of each photo's two boxes, of 16 x 16 and 16 x 8 pixels, one has the name of the photo's own class.
        for (int i = 0; i < Count; i++)
        {
            new Annotation("", Size, Size,
            [
                new(ShapesDataset.Classes[i % ShapesDataset.Classes.Count], new Box(0, 0, 16, 16)),
                new("Other", new Box(32, 32, 48, 40)),
            ]).Write(_shapes.AnnotationPath(i));
        }
        IbaProcess.Result result = Boxes("--methods", "random", "--json", "--classes", classes);
        if (classes == "none")
        {
            Assert.Equal(2, result.ExitCode);
            Assert.Contains("none of its boxes is of the class wanted (none)", result.Error);
            return;
        }
        Assert.True(result.ExitCode == 0, result.Error);
        int pixels = classes switch { "all" => 256 + 128, "target" => 256, _ => 128 };
        // The network sees the photo in its own size; resizing and cropping keep the boxes' pixels within their edges.
        Assert.All(result.Lines, line => Assert.InRange(JsonDocument.Parse(line).RootElement.GetProperty("box_pixels").GetInt32(), pixels * 0.6, pixels * 1.5));
    }

    /// <summary>All photos in one folder: no folder is a label.</summary>
    [Fact]
    public void A_photo_without_a_label_says_that_the_prediction_is_explained()
    {
        string images = _folder["flat"], annotations = _folder["boxes"];
        Directory.CreateDirectory(images);
        Directory.CreateDirectory(annotations);
        // The annotation names the class of the first photo, and of the others none that the network knows.
        for (int i = 0; i < 3; i++)
        {
            File.Copy(_shapes.ImagePath(i), Path.Combine(images, $"ä{i}.png"));
            new Annotation("", Size, Size, [new(i == 0 ? ShapesDataset.Classes[4] : "unicorn", new Box(20, 20, 40, 40))])
                .Write(Path.Combine(annotations, $"ä{i}.xml"));
        }
        string[] options = ["evaluate", "boxes", "--images", images, "--annotations", annotations, "--size",
            $"{Size}", "--methods", "random,gradient", "--json"];
        IbaProcess.Result result = IbaProcess.Run(options);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(["annotation", "annotation", "prediction", "prediction", "prediction", "prediction"],
            lines.Select(line => line.GetProperty("target_from").GetString()));
        Assert.All(lines.Take(2), line => Assert.Equal(4, line.GetProperty("target").GetInt32()));
        Assert.Equal(2, result.Error.Split("the network's own prediction is explained").Length - 1);
        Assert.Contains("ä1.png: its class is not known", result.Error);
        Assert.Contains("without a label: 2 of 3 photos", result.Error);
        Assert.Contains("ä2.png\"", result.Output);

        IbaProcess.Result target = IbaProcess.Run([.. options, "--classes", "target"]);
        Assert.True(target.ExitCode == 0, target.Error);
        Assert.Equal(2, target.Lines.Count(line => line.Contains("\"score\"")));
        Assert.Equal(2, target.Lines.Count(line => line.Contains("its class is not known")));
        Assert.DoesNotContain("without a label", target.Error);
    }

    [Fact]
    public void A_line_has_a_list_where_a_quantity_has_several_numbers_and_null_where_one_is_undefined()
    {
        var measurement = new Measurement(
            "ä.png", "gradient", "m", 3, TargetSource.Annotation, [new("path", 0.5, double.NaN), new("sum", double.NaN), new("n", 2)]);
        Assert.Equal(
            """{"image":"ä.png","method":"gradient","measure":"m","target":3,"target_from":"annotation","path":[0.5,null],"sum":null,"n":2,"""
            + "\"device\":\"cpu\",\"precision\":\"fp32\"}",
            EvaluationReport.Line(measurement, new Arithmetic("cpu", "fp32")));
    }

    [Fact]
    public void A_table_has_a_row_for_each_method_and_columns_for_each_quantity()
    {
        Score[] scores =
        [
            new("a", "top-1", 4, 0.5, 0.25, 0, 1), new("a", "top-5", 4, 1, 0, 1, 1), new("b", "top-1", 3, 0.125, 0.0625, 0, 0.25) { Undefined = 1 },
            new("b", "top-5", 0, double.NaN, double.NaN, double.NaN, double.NaN) { Undefined = 4 }, new(null, "untouched", 4, 0.75, 0.5, 0.5, 1),
        ];
        (string[] columns, string[][] rows) = EvaluationReport.Table(scores, name => $"method {name}");
        Assert.Equal(["method", "photos", "top-1", "standard error", "95 % interval", "top-5", "standard error", "95 % interval"], columns);
        Assert.Equal(
            [
                ["method a", "4", "0.500", "0.250", "0.000 to 1.000", "1.000", "0.000", "1.000 to 1.000"],
                ["method b", "3 (1 undefined)", "0.125", "0.063", "0.000 to 0.250", "undefined", "", ""],
                ["untouched", "4", "0.750", "0.500", "0.500 to 1.000", "", "", ""],
            ],
            rows);
    }

    [Fact]
    public void Many_quantities_are_rows()
    {
        Score[] scores =
        [
            .. Enumerable.Range(1, 5).Select(i => new Score("a", $"q{i}", 4, 0.5 * i, 0.25, 0, 1)),
            new(null, "untouched", 3, 0.75, 0.5, 0.5, 1) { Undefined = 1 },
        ];
        (string[] columns, string[][] rows) = EvaluationReport.Table(scores, name => $"method {name}");
        Assert.Equal(["method", "score", "photos", "value", "standard error", "95 % interval"], columns);
        Assert.Equal(6, rows.Length);
        Assert.Equal(["method a", "q2", "4", "1.000", "0.250", "0.000 to 1.000"], rows[1]);
        Assert.Equal(["", "untouched", "3 (1 undefined)", "0.750", "0.500", "0.500 to 1.000"], rows[5]);
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
