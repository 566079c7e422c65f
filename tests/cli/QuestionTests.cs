using System.Text.Json;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Cli;

/// <summary>iba attribute --target A,B and --margin-to CLASS.</summary>
public sealed class QuestionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _photos = Golden.Path("preprocessing");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_line_and_the_files_say_what_was_asked()
    {
        JsonElement usual = Line("--target", "3"), several = Line("--target", "3,5"), margin = Line("--target", "3", "--margin-to", "5");
        Assert.False(usual.TryGetProperty("objective", out _));
        Assert.Equal("any of 3, 5", several.GetProperty("objective").GetString());
        Assert.Equal("class 3 or class 5", several.GetProperty("target_label").GetString());
        Assert.True(several.GetProperty("probability").GetDouble() > usual.GetProperty("probability").GetDouble());
        Assert.Equal("margin to 5", margin.GetProperty("objective").GetString());
        Assert.Equal(10, margin.GetProperty("loss").GetArrayLength());
        foreach (string file in (string[])["map", "overlay"])
            Assert.NotEqual(-1, File.ReadAllBytes(margin.GetProperty(file).GetString()!).AsSpan().IndexOf("margin to 5"u8));
        using SafetensorsFile map = SafetensorsFile.Open(several.GetProperty("map").GetString()!);
        Assert.Equal("any of 3, 5", map.Metadata["objective"]);

        JsonElement Line(params string[] question)
        {
            IbaProcess.Result result = Run(["--json", "--out", _folder[string.Concat(question)], .. question]);
            Assert.True(result.ExitCode == 0, result.Error);
            return JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        }
    }

    [Theory]
    [InlineData("--target 3,x", "--target 3,x: 'x': no class has that number or name")]
    [InlineData("--target 3,3", "--target 3,3: '3,3' is one class, 3, by 2 names.")]
    [InlineData("--margin-to 3", "--margin-to 3: it needs --target")]
    [InlineData("--target 3 --margin-to 3", "--target 3 --margin-to 3: the margin is to '3', the class explained")]
    [InlineData("--target 3,5 --margin-to 4", "several classes, and a margin is of one")]
    [InlineData("--target 3,5 --method lrp-alpha1-beta0", "lrp-alpha1-beta0 does not take the loss 'any of 3, 5'")]
    [InlineData("--target 3 --margin-to 5 --method random", "random does not take the loss 'margin to 5': its map is of the logit of one class")]
    public void Mistakes_are_usage_errors(string question, string message)
    {
        IbaProcess.Result result = Run(["--out", _folder["refused"], .. question.Split(' ')]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(message, result.Error);
        Assert.DoesNotContain("Parameter", result.Error);
    }

    private IbaProcess.Result Run(string[] more)
    {
        string[] statistics = more.Contains("--method") ? [] : ["--images", _photos, "--samples", "6"];
        return IbaProcess.Run(
            ["attribute", "--weights", Golden.Path("resnet50-narrow.pth"), "--size", "96", .. statistics, Path.Combine(_photos, "rgb.png"), .. more]);
    }
}
