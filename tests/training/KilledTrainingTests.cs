using System.Diagnostics;
using Iba.Engine.Files;
using Tests.Cli;
using Xunit;

namespace Tests.Training;

/// <summary>ResumeTests for the whole process: SIGKILL leaves no time to save.</summary>
public sealed class KilledTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("resnet50")]
    [InlineData("vgg16")]
    public void Killed_in_every_stage_training_resumes_to_the_same_file(string network)
    {
        IbaProcess.Result undisturbed = IbaProcess.Run(Train(network, "undisturbed"));
        Assert.True(undisturbed.ExitCode == 0, undisturbed.Error);
        // Four steps on close-ups, four on small scenes, two on large ones.
        foreach (int step in (int[])[2, 5, 9])
        {
            using Process process = IbaProcess.Start(IbaProcess.Cache, Train(network, "killed"));
            while (StepsKept("killed") < step)
                Assert.False(process.WaitForExit(5), $"it ended before step {step}");
            process.Kill();
            process.WaitForExit();
        }
        Assert.False(File.Exists(_folder["killed"]));
        IbaProcess.Result last = IbaProcess.Run(Train(network, "killed"));
        Assert.True(last.ExitCode == 0, last.Error);
        Assert.Equal(File.ReadAllBytes(_folder["undisturbed"]), File.ReadAllBytes(_folder["killed"]));
        Assert.False(File.Exists(Checkpoint("killed")));
    }

    private string Checkpoint(string name) => $"{_folder[name]}.checkpoint";

    private string[] Train(string network, string name) =>
    [
        "demo", "train", "--network", network, "--out", _folder[name], "--images", "64", "--epochs", "2", "--large-epochs", "1",
        "--divisor", "16", "--test-images", "1", "--checkpoint-every", "0", "--threads", "1",
    ];

    private long StepsKept(string name)
    {
        if (!File.Exists(Checkpoint(name)))
            return 0;
        using SafetensorsFile file = SafetensorsFile.Open(Checkpoint(name));
        return long.Parse(file.Metadata["step"]);
    }
}
