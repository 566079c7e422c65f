using System.Text.Json;
using Iba.Evaluation;
using Xunit;

namespace Tests.Evaluation;

public class EvaluationTableTests
{
    private static readonly EvaluationRecord[] Records =
    [
        .. MadeUp.Degradation("random", 0), .. MadeUp.Degradation("guided-grad-cam", 0.25), .. MadeUp.Boxes("guided-grad-cam", 0.5, 0.75),
        .. MadeUp.Boxes("random", 0.125, double.NaN), MadeUp.Sanity("random", 0, 0.5), new LeftOutPhoto("a.png", "boxes", "it has no annotation"),
        MadeUp.Restriction("per-sample", 1, 1, 1),
    ];

    private static EvaluatedNetwork Paper(EvaluationRecord[] records) => new("resnet50", records) { ComparesWithPaper = true };

    [Fact]
    public void Methods_are_rows_and_the_best_of_a_column_is_bold_except_in_the_sanity_check() =>
        Assert.Equal("""
            ### Scores on demo (paper, table 1)

            |  | degradation-8: degradation | boxes: in the boxes | boxes: mass in the boxes | sanity: SSIM, mean over the cascade |
            | --- | ---: | ---: | ---: | ---: |
            | GuidedGrad-CAM | **0.250 [0.250, 0.250]** | **0.500 [0.500, 0.500]** | **0.750 [0.750, 0.750]** | – |
            | Random | 0.000 [0.000, 0.000] | 0.125 [0.125, 0.125] | undefined | 0.500 [0.500, 0.500] |

            boxes: the boxes' share of the photos: 0.100 [0.100, 0.100].

            degradation-8: 3 photos.

            boxes: 3 photos.

            boxes: mass in the boxes: undefined for 3 photos by Random.

            sanity: 1 photo.

            """, EvaluationTable.OfMethods(new("demo", Records))!.Markdown(), ignoreLineEndingDifferences: true);

    [Fact]
    public void A_column_that_is_undefined_for_every_method_has_no_best()
    {
        EvaluationRecord[] records = [.. MadeUp.Boxes("random", 0.125, double.NaN), .. MadeUp.Boxes("gradient", 0.25, double.NaN)];
        EvaluationTable table = EvaluationTable.OfMethods(new("demo", records))!;
        Assert.All(table.Rows, row => Assert.False(row.Cells[1]!.IsBest));
    }

    [Fact]
    public void The_papers_values_and_the_differences_stand_beside_where_the_caller_says_so()
    {
        (string[] columns, string[][] rows) = EvaluationTable.OfMethods(Paper(Records))!.Text();
        Assert.Equal(["", "degradation-8: degradation", "boxes: in the boxes", "boxes: mass in the boxes", "sanity: SSIM, mean over the cascade"], columns);
        Assert.Equal(["GuidedGrad-CAM", "0.250 [0.250, 0.250], paper 0.565, -0.315 *", "0.500 [0.500, 0.500], paper 0.468, +0.032 *",
            "0.750 [0.750, 0.750] *", ""], rows[0]);
        Assert.Equal("0.000 [0.000, 0.000], paper 0.000, +0.000", rows[1][1]);
    }

    [Fact]
    public void Csv_has_a_line_for_each_score_and_quotes_what_needs_it()
    {
        string[] lines = EvaluationTable.OfMethods(Paper(Records))!.Csv().Split("\r\n");
        Assert.Equal("row,column,method,photos,undefined,value,standard_error,low,high,best,paper,difference", lines[0]);
        Assert.Equal("GuidedGrad-CAM,degradation-8: degradation,guided-grad-cam,3,0,0.25,0,0.25,0.25,1,0.565,-0.31499999999999995", lines[1]);
        Assert.Equal("Random,\"sanity: SSIM, mean over the cascade\",random,1,0,0.5,0,0.5,0.5,0,,", lines[^2]);
        Assert.Contains("Random,boxes: mass in the boxes,random,0,3,,,,,0,,", lines);
        Assert.Equal("", lines[^1]);
    }

    [Fact]
    public void Json_has_the_numbers_in_full_and_null_for_undefined_ones()
    {
        using JsonDocument json = JsonDocument.Parse(EvaluationTable.OfMethods(Paper(Records))!.Json());
        JsonElement[] scores = [.. json.RootElement.GetProperty("scores").EnumerateArray()];
        Assert.Equal(7, scores.Length);
        Assert.Equal(0.565, scores[0].GetProperty("paper").GetDouble());
        Assert.True(scores[0].GetProperty("best").GetBoolean());
        JsonElement undefined = scores.Single(score => score.GetProperty("undefined").GetInt32() > 0);
        Assert.Equal(JsonValueKind.Null, undefined.GetProperty("value").ValueKind);
        Assert.False(undefined.TryGetProperty("paper", out _));
    }

    [Fact]
    public void Text_cannot_leave_its_cell_in_Markdown()
    {
        var table = new EvaluationTable("a|b", ["c"], [new TableRow("x|y*z\n<b>", [null])]);
        Assert.Contains("| x\\|y\\*z &lt;b> | – |\n", table.Markdown());
    }

    [Fact]
    public void Table_4_has_a_column_for_each_beta_and_rows_for_each_bottleneck()
    {
        EvaluationRecord[] records = [MadeUp.Restriction("per-sample:beta=100", 0.019, 0.4, 0.5), MadeUp.Restriction("per-sample:beta=1", 0.25, 1, 1),
            MadeUp.Restriction("readout", 0.079, 0.66, 0.87)];
        (string[] columns, string[][] rows) = EvaluationTable.OfBetas(Paper(records))!.Text();
        Assert.Equal(["", "original", "before the fit", "β = 1/k", "β = 10/k", "β = 100/k"], columns);
        Assert.Equal(["IBA Per-Sample: L_I / k", "", "4.500 [4.500, 4.500]", "0.250 [0.250, 0.250], paper 0.248, +0.002", "",
            "0.019 [0.019, 0.019], paper 0.019, +0.000"], rows[0]);
        Assert.Equal(["IBA Readout: top-5", "0.900 [0.900, 0.900]", "", "", "0.870 [0.870, 0.870], paper 0.870, +0.000", ""], rows[4]);
        Assert.Null(EvaluationTable.OfBetas(Paper([])));
        Assert.Null(EvaluationTable.OfMethods(Paper(records)));
    }

    [Theory]
    [InlineData("resnet50", "degradation-14", "guided-grad-cam:explain=predicted", 0.577)]
    [InlineData("resnet50", "degradation-8", "per-sample:beta=100:spread=relu-rms", 0.534)]
    [InlineData("resnet50", "boxes", "per-sample", 0.620)]
    [InlineData("vgg16", "boxes", "lrp-alpha0-beta1", 0.441)]
    [InlineData("vgg16", "degradation-14", "readout", 0.536)]
    [InlineData("vgg16", "degradation-8", "integrated-gradients:as-published=yes", 0.420)]
    [InlineData("resnet50", "boxes", "pattern", null)]
    [InlineData("resnet50", "boxes", "per-sample:beta=3", null)]
    [InlineData("resnet18", "boxes", "per-sample", null)]
    [InlineData("resnet50", "sanity", "per-sample", null)]
    public void The_papers_table_1(string network, string measure, string method, double? value) =>
        Assert.Equal(value, PaperResults.Score(network, measure, new RecordedMethod(method)));

    [Fact]
    public void Beta_is_the_setting_of_the_records_where_the_name_does_not_say_it()
    {
        var settings = new EvaluationSettings("per-sample", "restriction", new Dictionary<string, string> { ["method beta"] = "3" });
        EvaluationRecord[] records = [MadeUp.Restriction("per-sample", 0.2, 1, 1) with { Settings = settings.Id }];
        var network = new EvaluatedNetwork("demo", records) { Settings = new Dictionary<string, EvaluationSettings> { [settings.Id] = settings } };
        Assert.Contains("β = 3/k", EvaluationTable.OfBetas(network)!.Columns);
    }

    [Theory]
    [InlineData("information", "per-sample:beta=0.01", 3.174)]
    [InlineData("top-1", "per-sample:beta=100", 0.427)]
    [InlineData("top-5", "readout", 0.870)]
    [InlineData("top-1", "readout", 0.660)]
    public void The_papers_table_4(string quantity, string method, double value) =>
        Assert.Equal(value, PaperResults.Restriction("resnet50", quantity, new RecordedMethod(method)));
}
