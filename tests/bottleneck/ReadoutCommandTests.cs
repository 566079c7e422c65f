using System.Diagnostics;
using Iba.Bottleneck;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Tests.Cli;
using Xunit;

namespace Tests.Bottleneck;

/// <summary>iba readout train, end to end, on a golden network.</summary>
public sealed class ReadoutCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _weights = Golden.Path("resnet50-narrow.pth");
    private readonly string _photos = Golden.Path("preprocessing");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Killed_training_resumes_to_the_same_file()
    {
        IbaProcess.Result straight = Train("straight", "--epochs", "2");
        Assert.True(straight.ExitCode == 0, straight.Error);
        Assert.Contains("prediction", straight.Error);
        Assert.Empty(straight.Output);

        using (Process process = IbaProcess.Start(_folder["cache"], [.. Arguments("killed"), "--epochs", "1000000"]))
        {
            WaitFor(_folder["killed"], process);
            process.Kill();
            process.WaitForExit();
        }
        IbaProcess.Result resumed = Train("killed", "--epochs", "2");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(File.ReadAllBytes(_folder["straight"]), File.ReadAllBytes(_folder["killed"]));
        using var backend = new CpuBackend();
        using ReadoutNetwork readout = ReadoutFile.Read(_folder["killed"], backend);
        Assert.Equal((int)Math.Ceiling(2 * Directory.GetFiles(_photos).Length / 4.0), readout.Steps);

        IbaProcess.Result other = Train("killed", "--beta", "1");
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("with other settings (beta 10 and not 1). Give", other.Error);
        string map = _folder["rgb.iba.safetensors"];
        string[] common = [Path.Combine(_photos, "rgb.png"), "--readout", _folder["killed"], "--size", "64"];
        IbaProcess.Result attributed = IbaProcess.Run(["attribute", .. common, "--method", "readout", "--weights", _weights, "--out", _folder[""]]);
        Assert.True(attributed.ExitCode == 0, attributed.Error);
        using (SafetensorsFile file = SafetensorsFile.Open(map))
        {
            string[] facts = [.. ((string[])["method", "readout_steps", "layer", "beta"]).Select(key => file.Metadata[key])];
            Assert.Equal(["readout", "5", "layer1.2", "10"], facts);
        }

        string[] compare = ["compare", .. common, "--methods", "readout", "--out", _folder["figure"]];
        IbaProcess.Result shown = IbaProcess.Run([.. compare, "--weights", _weights]);
        Assert.True(shown.ExitCode == 0, shown.Error);
        string vgg = Golden.Path("vgg16-narrow.pth");
        foreach (string[] arguments in (string[][])[Arguments("killed", vgg), [.. compare, "--weights", vgg]])
        {
            IbaProcess.Result network = IbaProcess.Run(arguments);
            Assert.Equal(1, network.ExitCode);
            Assert.Contains("resnet50, not vgg16", network.Error);
        }
    }

    [Fact]
    public void Ctrl_C_keeps_what_was_learnt()
    {
        using Process process = IbaProcess.Start(_folder["cache"], [.. Arguments("stopped"), "--epochs", "1000000"]);
        WaitFor(_folder["stopped"], process);
        IbaProcess.SendCtrlC(process);
        process.WaitForExit();
        Assert.Equal(4, process.ExitCode);
        Assert.Contains("cancelled", process.StandardError.ReadToEnd());
        using SafetensorsFile file = SafetensorsFile.Open(_folder["stopped"]);
        Assert.Contains(file.Entries, entry => entry.Name == "adam.mean.conv1.weight");
    }

    [Fact]
    public void Folders_named_after_classes_are_the_labels()
    {
        foreach (string name in (string[])["1", "7"])
        {
            Directory.CreateDirectory(_folder[$"photos/{name}"]);
            foreach (string file in (string[])["rgb.png", "rgba.png"])
                File.Copy(Path.Combine(_photos, file), _folder[$"photos/{name}/{file}"]);
        }
        IbaProcess.Result result = IbaProcess.Run([.. Arguments("named", photos: _folder["photos"]), "--epochs", "0.5"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("names of their folders", result.Error);
    }

    [Fact]
    public void Usage_errors_exit_with_2()
    {
        Assert.Contains("--images", Refused("readout", "train", "--out", "x"));
        Assert.Contains("--epochs", Refused([.. Arguments("x"), "--epochs", "0"]));
        Assert.Contains("--width", Refused([.. Arguments("x"), "--width", "wide"]));
        Assert.Contains("batch", Refused([.. Arguments("x"), "--batch", "0"]));
        Assert.Empty(_folder.Files);

        static string Refused(params string[] arguments)
        {
            IbaProcess.Result result = IbaProcess.Run(arguments);
            Assert.True(result.ExitCode == 2, $"{string.Join(' ', arguments)}: {result}");
            Assert.DoesNotContain("   at ", result.Error);
            return result.Error;
        }
    }

    private static void WaitFor(string file, Process process)
    {
        while (!File.Exists(file) && !process.HasExited)
            Thread.Sleep(20);
    }

    private string[] Arguments(string output, string? weights = null, string? photos = null) =>
    [
        "readout", "train", "--weights", weights ?? _weights, "--size", "64", "--images", photos ?? _photos, "--batch", "4",
        "--out", _folder[output],
    ];

    private IbaProcess.Result Train(string output, params string[] arguments) => IbaProcess.Run([.. Arguments(output), .. arguments]);
}
