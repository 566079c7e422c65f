using Xunit;

namespace Tests.Cli;

/// <summary>iba plans build as a user runs it: every wrong input is one line with the next step.</summary>
public sealed class PlansCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, "--gpu", "plans", "build")]
    [InlineData(1, "h300: there is no such file, and none of the GPUs", "plans", "build", "--gpu", "h300")]
    [InlineData(2, "known are resnet", "plans", "build", "--gpu", "h200", "--model", "lenet")]
    [InlineData(2, "must be one of fp32, tf32, bf16", "plans", "build", "--gpu", "h200", "--precision", "fp8")]
    [InlineData(2, "--batch 10,0", "plans", "build", "--gpu", "h200", "--batch", "10,0")]
    [InlineData(2, "--plan-candidates 17", "plans", "build", "--gpu", "h200", "--plan-candidates", "17")]
    [InlineData(2, "--plan-pack nowhere.plans: there is no such file", "predict", "x.png", "--plan-pack", "nowhere.plans")]
    [InlineData(1, "no CUDA driver library", "plans", "build", "--gpu", "h200.json")]
    public void Wrong_input_is_refused_in_one_line(int code, string reason, params string[] words)
    {
        IbaProcess.Result result = Run([], words);
        Assert.True(result.ExitCode == code, $"{result}");
        string[] lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(reason, Assert.Single(lines, line => line.StartsWith("error: ", StringComparison.Ordinal)));
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public void A_description_that_lacks_a_field_is_refused_by_its_name()
    {
        string file = _folder.With("gpu.json", "{\"deviceVer\": 900}"u8);
        IbaProcess.Result result = Run([], "plans", "build", "--gpu", file);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"error: {file}: it lacks \"multiProcessorCount\"", result.Error);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("17")]
    [InlineData("many")]
    public void The_number_of_candidates_in_the_environment_is_checked(string text)
    {
        IbaProcess.Result result = Run([("IBA_CUDNN_CANDIDATES", text)], "plans", "build", "--gpu", "h200");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"IBA_CUDNN_CANDIDATES={text}: it must be a whole number from 1 to 16", result.Error);
    }

    /// <summary>An empty folder is all that is searched, so that no test depends on what this machine has.</summary>
    private IbaProcess.Result Run((string, string)[] variables, params string[] words) =>
        IbaProcess.RunIn([("IBA_CUDA_DIRS", _folder[""]), .. variables], words);
}
