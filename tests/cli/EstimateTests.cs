using System.Diagnostics;
using Iba.Shapes;
using Iba.Statistics;
using Xunit;

namespace Tests.Cli;

/// <summary><c>iba estimate</c>: stopped, continued, in parts and joined.</summary>
public sealed class EstimateTests : IDisposable
{
    private const int Kill = 9, Term = 15;

    private readonly TemporaryFolder _folder = new();

    public EstimateTests() => new ShapesFolder(_folder["shapes"]).Write(new ShapesDataset(seed: 9, size: 64), 60);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Kill)]
    [InlineData(Term)]
    public void A_run_that_is_killed_ends_with_the_bytes_of_an_undisturbed_one(int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a process cannot be sent signals from here on Windows");
        Done(Estimate("whole"));
        string partial = _folder["killed.partial"];
        using (Process process = IbaProcess.Start(IbaProcess.Cache, Arguments("killed")))
        {
            while (!File.Exists(partial) && !process.WaitForExit(5))
            {
            }
            if (!process.HasExited)
                IbaProcess.Send(process, signal);
            string said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            // On a busy machine it may have ended before the signal came.
            if (process.ExitCode != 0)
            {
                Assert.True(File.Exists(partial));
                Assert.Equal(signal == Term ? 4 : 128 + signal, process.ExitCode);
                Assert.Equal(signal == Term, said.Contains($"{partial}: it holds the work so far, which the same command continues"));
                IbaProcess.Result other = IbaProcess.Run([.. Arguments("killed"), "--layer", "layer1"]);
                Assert.Equal(1, other.ExitCode);
                Assert.Contains($"{partial}: it was begun with layer 'layer2.3', not 'layer1.2'. Delete it to start over", other.Error);
            }
        }
        Done(Estimate("killed"));
        Assert.Equal(File.ReadAllBytes(_folder["whole"]), File.ReadAllBytes(_folder["killed"]));
        Assert.False(File.Exists(partial));
    }

    [Fact]
    public void Parts_are_joined_and_a_missing_one_is_named()
    {
        string[] parts = [.. Enumerable.Range(1, 3).Select(part => _folder[$"all-{part}-of-3.safetensors"])];
        for (int part = 1; part <= 3; part++)
            Assert.Contains($"{parts[part - 1]}: part {part}/3, 20 images", Done(Estimate("all.safetensors", "--shard", $"{part}/3")).Error);
        byte[] second = File.ReadAllBytes(parts[1]);
        Assert.Contains("it holds the work of an earlier run", Done(Estimate("all.safetensors", "--shard", "2/3")).Error);
        Assert.Equal(second, File.ReadAllBytes(parts[1]));
        Done(Estimate("whole"));
        Assert.Contains("over 60 images", Done(IbaProcess.Run(["estimate", "merge", .. parts, "--out", _folder["joined"]])).Error);
        FeatureStatistics whole = FeatureStatistics.Load(_folder["whole"]), joined = FeatureStatistics.Load(_folder["joined"]);
        Assert.Equal(whole.Origin, joined.Origin);
        Assert.Equal(whole.Nonzero, joined.Nonzero);
        IbaProcess.Result missing = IbaProcess.Run("estimate", "merge", parts[0], parts[2], "--out", _folder["none"]);
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("of 3, 1 is missing: 2/3", missing.Error);
        Assert.DoesNotContain("none", _folder.Files);
        IbaProcess.Result wrong = Estimate("part", "--shard", "4/3");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("--shard 4/3: it must be a part such as 2/8", wrong.Error);
    }

    [Fact]
    public void Nothing_is_kept_beside_a_device()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "devices are Unix's");
        Done(IbaProcess.Run("estimate", "--model", "demo-resnet50", "--size", "64", "--images", _folder["shapes/images"], "--out", "/dev/null"));
        Assert.False(File.Exists("/dev/null.partial"));
    }

    private static IbaProcess.Result Done(IbaProcess.Result result)
    {
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private IbaProcess.Result Estimate(string output, params string[] more) => IbaProcess.Run([.. Arguments(output), .. more]);

    private string[] Arguments(string output) =>
        ["estimate", "--model", "demo-resnet50", "--size", "64", "--images", _folder["shapes/images"], "--out", _folder[output]];
}
