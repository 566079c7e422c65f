using System.Text.Json;
using Iba.Cli;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Diagnostics;
using Tests.Emulator;
using Xunit;

namespace Tests.Cli;

/// <summary>iba doctor as a user runs it, on machines made of folders; and its report of plans, on the fake GPU.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    private static readonly string[] CudnnParts = ["", "_graph", "_ops", "_cnn", "_engines_precompiled", "_engines_runtime_compiled", "_heuristic"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void On_a_machine_with_nothing_it_says_so_and_that_the_cpu_works_and_where_it_looked_when_asked()
    {
        IbaProcess.Result result = Run();
        Assert.DoesNotContain(_folder["libcudnn.so.9"], result.Output);
        Assert.Contains("iba doctor --searched lists the", result.Lines[^2]);
        result = Run("--searched");
        Assert.True(result.ExitCode == 3, $"{result}");
        Assert.Contains("to fix it:", result.Output);
        Assert.Contains(result.Lines, line => line.Trim() == "libcuda.so.1");
        Assert.Contains(result.Lines, line => line.Trim() == _folder["libcudnn.so.9"]);
        Assert.Contains("runs on the CPU", result.Lines[^1]);
        Assert.DoesNotContain("   at ", result.Error);
    }

    /// <summary>A machine of folders, because this one may have a driver.</summary>
    [Fact]
    public void Without_a_driver_the_report_says_so_and_how_to_get_one()
    {
        using var machine = new FakeMachine();
        var report = new DoctorReport(Doctor.Examine(Libraries.Load(machine.Machine, new FakeLoader(machine)), Precision.Float32));
        Assert.StartsWith("missing driver: no NVIDIA driver (libcuda.so.1: cannot open", report.Lines(searched: false)[0]);
        Assert.Contains("to fix it: install the NVIDIA driver", report.Lines(searched: false)[1]);
        Assert.Contains("        libcuda.so.1", report.Lines(searched: true));
        Assert.Contains("runs on the CPU", report.Lines(searched: true)[^1]);
    }

    [Fact]
    public void With_only_a_driver_the_device_is_reported_and_each_missing_library_has_its_remedy()
    {
        FakeLibcuda.Make(_folder[""]);
        IbaProcess.Result result = Run();
        Assert.True(result.ExitCode == 3, $"{result}");
        Assert.Contains($"ok      driver: {_folder["libcuda.so.1"]} serves CUDA 12.6", result.Output);
        Assert.Contains("ok      device: cuda:0 G, compute capability 9.9, 512 of 1024 MiB free", result.Output);
        foreach (string library in (string[])["NVRTC", "cuBLASLt", "cuDNN"])
            Assert.Contains($"slower  {library}: not found", result.Output);
        Assert.Contains("package nvidia-cudnn-cu12", result.Output);
        Assert.Contains("ok      precision: tf32", result.Output);
    }

    [Theory]
    [InlineData(34, "stub", "'stubs' folder")]
    [InlineData(100, "sees no GPU", "CUDA_VISIBLE_DEVICES")]
    public void A_driver_that_does_not_start_has_its_own_message(int answer, string found, string remedy)
    {
        FakeLibcuda.Make(_folder[""], answer);
        IbaProcess.Result result = Run();
        Assert.Equal(3, result.ExitCode);
        Assert.Contains(found, result.Output);
        Assert.Contains(remedy, result.Output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Parts_of_cudnn_of_different_versions_are_reported_with_or_without_a_driver(bool driver)
    {
        if (driver)
            FakeLibcuda.Make(_folder[""]);
        foreach (string part in CudnnParts)
        {
            File.WriteAllBytes(_folder[$"libcudnn{part}.so.{(part == "_ops" ? "9.6.0" : "9.13.1")}"], []);
            File.WriteAllBytes(_folder[$"libcudnn{part}.so.9"], []);
        }
        IbaProcess.Result result = Run();
        Assert.True(result.ExitCode == 3, $"{result}");
        Assert.Contains("mixes versions", result.Output);
        Assert.Contains("CudnnOps 9.6.0", result.Output);
        Assert.Contains("install one cuDNN 9 whole", result.Output);

        File.Delete(_folder["libcudnn_ops.so.9"]);
        Assert.Contains("lacks libcudnn_ops.so.9", Run().Output);
    }

    [Fact]
    public void As_json_it_is_one_line_with_the_same()
    {
        IbaProcess.Result result = Run("--json", "--plans");
        Assert.Equal(3, result.ExitCode);
        JsonElement line = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.False(line.GetProperty("usable").GetBoolean());
        Assert.Equal("missing", line.GetProperty("findings")[0].GetProperty("state").GetString());
        Assert.False(line.TryGetProperty("paths_tried", out _));
        Assert.False(line.TryGetProperty("plans", out _));
        line = JsonDocument.Parse(Assert.Single(Run("--json", "--searched").Lines)).RootElement;
        Assert.Contains(line.GetProperty("paths_tried").EnumerateArray(), path => path.GetString() == _folder["libcudnn.so.9"]);
    }

    /// <summary>A link counts by the file that it leads to, as in Debian's packages.</summary>
    [Fact]
    public void The_bytes_of_the_libraries_are_listed_and_summed_up()
    {
        Assert.DoesNotContain("in bytes", Run().Output);
        File.WriteAllBytes(_folder["libcublasLt.so.12"], new byte[1234]);
        File.WriteAllBytes(_folder["libcudnn.so.9.13.1"], new byte[56]);
        File.CreateSymbolicLink(_folder["libcudnn.so.9.13"], "libcudnn.so.9.13.1");
        File.CreateSymbolicLink(_folder["libcudnn.so.9"], "libcudnn.so.9.13");
        IbaProcess.Result result = Run();
        Assert.Contains($"        1,234  {_folder["libcublasLt.so.12"]}", result.Lines);
        Assert.Contains($"           56  {_folder["libcudnn.so.9"]}", result.Lines);
        Assert.Contains("        1,290  in 2 files; the driver's own come with the host", result.Lines);

        JsonElement line = JsonDocument.Parse(Assert.Single(Run("--json").Lines)).RootElement;
        Assert.Equal([1234, 56], line.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("bytes").GetInt64()));
        Assert.Equal(1290, line.GetProperty("file_bytes").GetInt64());
    }

    [Theory]
    [InlineData("--batch", "0")]
    [InlineData("--model", "alexnet")]
    [InlineData("--device", "cpu")]
    [InlineData("--precision", "fp8")]
    public void Usage_errors_exit_with_2(string option, string value)
    {
        IbaProcess.Result result = IbaProcess.Run("doctor", option, value);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(option, result.Error);
    }

    [Theory]
    [InlineData("resnet50", "conv1", "fc")]
    [InlineData("vgg16", "features.0", "classifier.6")]
    public void Plans_are_reported_for_every_layer_in_both_directions(string model, string first, string last)
    {
        using var gpu = new FakeGpu();
        gpu.Driver.IsIdle = true;
        gpu.Driver.TotalBytes = (nuint)80 << 30;
        using CudaBackend backend = gpu.Open();
        IReadOnlyList<LayerPlan> plans = PlanSurvey.Run(backend, model, batch: 2);
        Assert.Equal(first, plans[0].Layer);
        Assert.Equal(first, plans[^1].Layer);
        Assert.Contains(plans, plan => plan.Layer == last && plan.Choice.Route == Route.Product);
        foreach (IGrouping<string, LayerPlan> layer in plans.GroupBy(plan => plan.Layer))
            Assert.Equal(2, layer.Count());
        Assert.Equal(model == "resnet50" ? 54 : 16, plans.Select(plan => plan.Layer).Distinct().Count());
        Assert.All(plans, plan => Assert.Contains("2", plan.Choice.Unit));
    }

    private IbaProcess.Result Run(params string[] arguments)
    {
        Assert.SkipWhen(Doctor.Examine().Devices.Count > 0, "this machine has a GPU, and what is to be said here is of machines without one");
        return IbaProcess.RunIn([("IBA_CUDA_DIRS", _folder[""])], ["doctor", .. arguments]);
    }
}
