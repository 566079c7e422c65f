using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Cli;

public sealed class WeightsCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Inspect_prints_metadata_in_lines_that_no_text_can_break()
    {
        string path = _folder["weights.safetensors"];
        SafetensorsFile.Write(path, [new("a", [1], new float[1])], new Dictionary<string, string>
        {
            ["accuracy"] = "0.97 of 1000",
            ["hostile"] = "one\ntwo\u001b[31m",
            ["long"] = new string('x', 100_000),
        });
        IbaProcess.Result result = IbaProcess.Run("weights", "inspect", path);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("accuracy: 0.97 of 1000", result.Lines);
        Assert.Contains(@"hostile: one\u000Atwo\u001B[31m", result.Lines);
        string shortened = Assert.Single(result.Lines, line => line.StartsWith("long: ", StringComparison.Ordinal));
        Assert.InRange(shortened.Length, 100, 1000);
        Assert.EndsWith("(100000 characters)", shortened);
    }

    [Fact]
    public void Verify_prints_each_detail_of_a_problem_on_its_own_line()
    {
        string path = _folder["weights.safetensors"];
        using (StateDict golden = StateDict.Open(Golden.Path("resnet50-narrow.pth")))
        {
            SafetensorsFile.Write(path, [.. golden.Entries.Select(e => e.Name == "layer3.1.bn2.running_var"
                ? new SafetensorsTensor(e.Name, [.. e.Shape], Enumerable.Repeat(-1f, (int)e.Count).ToArray())
                : new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes()))]);
        }
        IbaProcess.Result result = IbaProcess.Run("weights", "verify", path);
        Assert.Equal(1, result.ExitCode);
        string[] lines = result.Error.Split('\n');
        Assert.Equal($"error: {path}: it holds numbers that are not finite, so every result would be meaningless", lines[0]);
        Assert.StartsWith("  layer3.1.bn2.running_var: ", lines[1]);
        Assert.StartsWith("Take a checkpoint", lines[2]);
    }

    [Fact]
    public void An_empty_place_is_a_mistake_that_names_its_option()
    {
        IbaProcess.Result result = IbaProcess.Run("weights", "fetch", "resnet50", "--out", "");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--out: it is empty. Name a place.", result.Error);
    }
}
