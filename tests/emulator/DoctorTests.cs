using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Tests.Devices;
using Xunit;

namespace Tests.Emulator;

public sealed class DoctorTests : IDisposable
{
    private const string System = "/usr/lib/x86_64-linux-gnu";
    private static readonly string[] CudnnParts = ["", "_graph", "_ops", "_cnn", "_engines_precompiled", "_engines_runtime_compiled", "_heuristic"];

    private readonly FakeMachine _machine = new();
    private readonly FakeDriver _driver = new();
    private readonly FakeNvrtc _nvrtc = new();
    private readonly FakeCublasLt _cublasLt = new();
    private readonly FakeCudnn _cudnn = new();
    private readonly FakeLoader _loader;

    public DoctorTests() => _loader = new FakeLoader(_machine)
        .With("libcuda.", _driver.Find).With("libnvrtc.", _nvrtc.Find).With("libcublasLt.", _cublasLt.Find).With("libcudnn.", _cudnn.Find);

    public void Dispose()
    {
        _machine.Dispose();
        _driver.Dispose();
        _nvrtc.Dispose();
        _cublasLt.Dispose();
        _cudnn.Dispose();
    }

    [Fact]
    public void A_machine_without_libraries_gets_the_folders_searched_and_the_advice_to_install_a_driver()
    {
        Diagnosis diagnosis = Examine();
        Finding finding = diagnosis.Obstacle!;
        Assert.Equal([("driver", Severity.Fatal), ("NVRTC", Severity.Slower), ("cuBLASLt", Severity.Slower), ("cuDNN", Severity.Slower)],
            diagnosis.Findings.Select(each => (each.Subject, each.Severity)));
        Assert.All(diagnosis.Findings, each => Assert.NotNull(each.Remedy));
        Assert.Contains("no NVIDIA driver", finding.Message);
        Assert.Contains("libcuda.so.1", finding.Message);
        Assert.Contains("install the NVIDIA driver", finding.Remedy);
        Assert.Contains($"{System}/libcuda.so.1", diagnosis.PathsTried);
        Assert.False(diagnosis.HasCuda);
        Assert.Empty(diagnosis.Devices);
    }

    [Fact]
    public void With_only_a_driver_cuda_works_and_each_missing_library_has_its_remedy()
    {
        WithDriver();
        Diagnosis diagnosis = Examine();
        Assert.True(diagnosis.HasCuda);
        Assert.Equal([("NVRTC", Severity.Slower), ("cuBLASLt", Severity.Slower), ("cuDNN", Severity.Slower)],
            diagnosis.Findings.Where(finding => finding.Severity != Severity.Fine).Select(finding => (finding.Subject, finding.Severity)));
        Assert.Contains("install the CUDA 12 toolkit", Find(diagnosis, "NVRTC").Remedy);
        Assert.Contains("nvidia-cudnn-cu12", Find(diagnosis, "cuDNN").Remedy);
        Assert.Contains($"{System}/libnvrtc.so.12", diagnosis.PathsTried);
    }

    [Fact]
    public void With_only_a_driver_an_old_device_has_no_kernels()
    {
        WithDriver();
        _driver.Capability = 75;
        Finding finding = Find(Examine(), "NVRTC");
        Assert.Equal(Severity.Fatal, finding.Severity);
        Assert.Contains("8.0", finding.Message);
    }

    [Theory]
    [InlineData(34, "stub", "stubs")]
    [InlineData(100, "no GPU", "--gpus all")]
    [InlineData(803, "different versions", "reboot")]
    [InlineData(804, "compatibility driver", "compat")]
    [InlineData(999, "cuInit answers 999 (999", "nvidia-smi")]
    public void A_driver_that_does_not_start_is_reported_by_its_error_code(int answer, string message, string remedy)
    {
        WithDriver();
        _driver.Start = (CUresult)answer;
        Finding finding = Examine().Findings[0];
        Assert.Equal(Severity.Fatal, finding.Severity);
        Assert.Contains(message, finding.Message);
        Assert.Contains(remedy, finding.Remedy);
    }

    [Fact]
    public void A_driver_that_lists_no_device_is_no_cuda()
    {
        WithDriver();
        _driver.Devices = 0;
        Assert.Contains("no GPU", Examine().Obstacle!.Message);
    }

    [Fact]
    public void A_driver_of_cuda_11_is_too_old_whether_by_its_version_or_by_a_missing_entry_point()
    {
        WithDriver();
        _driver.Version = 11080;
        Assert.Contains("CUDA 11.8", Examine().Obstacle!.Message);
        Assert.Contains("525", Examine().Obstacle!.Remedy);
        _driver.Absent.Add("cuGraphInstantiateWithFlags");
        Finding finding = Examine().Obstacle!;
        Assert.Contains("cuGraphInstantiateWithFlags", finding.Message);
        Assert.Contains("too old", finding.Message);
        Assert.Contains("525", finding.Remedy);
    }

    [Fact]
    public void An_optional_name_may_be_absent()
    {
        WithEverything();
        _driver.Absent.Add("cuFuncLoad");
        Assert.All(Examine().Findings, finding => Assert.Equal(Severity.Fine, finding.Severity));
    }

    [Fact]
    public void With_everything_installed_versions_device_memory_and_precision_are_reported()
    {
        WithEverything();
        Diagnosis diagnosis = Examine();
        Assert.All(diagnosis.Findings, finding => Assert.Equal((Severity.Fine, null), (finding.Severity, finding.Remedy)));
        Assert.Contains("CUDA 12.6", Find(diagnosis, "driver").Message);
        Assert.Contains("Fake GPU 0, compute capability 9.0, 1024 of 1024 MiB free", Find(diagnosis, "device").Message);
        Assert.Contains($"12.6 at {System}/libnvrtc.so.12", Find(diagnosis, "NVRTC").Message);
        Assert.Contains($"12.6.4 at {System}/libcublasLt.so.12", Find(diagnosis, "cuBLASLt").Message);
        Assert.Contains($"9.13.1 for CUDA 12 at {System}/libcudnn.so.9", Find(diagnosis, "cuDNN").Message);
        Assert.Equal("tf32", Find(diagnosis, "precision").Message);
        Assert.Equal(90, Assert.Single(diagnosis.Devices).ComputeCapability);
        Assert.DoesNotContain("context", _driver.Held);
    }

    [Fact]
    public void What_is_found_beside_the_driver_is_listed_with_its_size_and_without_one_where_only_the_loader_knows_it()
    {
        WithDriver();
        _loader.Knows("libcublasLt.so.12");
        File.WriteAllBytes(_machine.Put(System, "libcudnn.so.9").Real($"{System}/libcudnn.so.9"), new byte[3]);
        Assert.Equal([new LibraryFile("libcublasLt.so.12", null), new LibraryFile($"{System}/libcudnn.so.9", 3)],
            Examine().Files.Where(file => !file.Path.StartsWith("libnvrtc", StringComparison.Ordinal)));
    }

    [Fact]
    public void Libraries_are_loaded_in_the_order_of_their_needs()
    {
        WithEverything();
        Examine();
        Assert.Equal(
            ["libcuda.so.1", "libnvrtc-builtins.so.12.6", "libnvrtc.so.12", "libcublasLt.so.12", "libcudnn.so.9", "libcudnn_graph.so.9", "libcudnn_ops.so.9",
             "libcudnn_cnn.so.9", "libcudnn_engines_precompiled.so.9", "libcudnn_engines_runtime_compiled.so.9", "libcudnn_heuristic.so.9"],
            _loader.Loaded.Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public void Parts_of_different_versions_are_named_with_their_versions()
    {
        WithDriver();
        foreach (string part in CudnnParts)
            _machine.Link(System, $"libcudnn{part}.so.9", $"libcudnn{part}.so.{(part == "_graph" ? "9.6.0" : "9.13.1")}");
        Finding finding = Find(Examine(), "cuDNN");
        Assert.Equal(Severity.Slower, finding.Severity);
        Assert.Contains("mixes versions", finding.Message);
        Assert.Contains("CudnnGraph 9.6.0", finding.Message);
        Assert.Contains("Cudnn 9.13.1", finding.Message);
        Assert.Contains("install one cuDNN 9 whole", finding.Remedy);
    }

    [Fact]
    public void Files_without_links_have_the_versions_of_the_full_names_beside_them()
    {
        WithDriver();
        foreach (string part in CudnnParts)
            _machine.Put(System, $"libcudnn{part}.so.9", $"libcudnn{part}.so.{(part == "" ? "9.24.0" : "9.20.0")}");
        Assert.Contains("Cudnn 9.24.0", Find(Examine(), "cuDNN").Message);
    }

    [Fact]
    public void A_missing_part_is_named()
    {
        WithEverything();
        _machine.Remove(System, "libcudnn_heuristic.so.9");
        Finding finding = Find(Examine(), "cuDNN");
        Assert.Equal(Severity.Slower, finding.Severity);
        Assert.Contains($"{System} lacks libcudnn_heuristic.so.9:", finding.Message);
    }

    [Fact]
    public void Without_a_driver_the_other_libraries_are_reported_and_not_loaded()
    {
        WithEverything();
        _loader.Forgets("libcuda.so.1");
        Diagnosis diagnosis = Examine();
        Assert.False(diagnosis.HasCuda);
        Assert.Contains($"{System}/libnvrtc.so.12 is there; without a driver", Find(diagnosis, "NVRTC").Message);
        Assert.Equal(Severity.Fine, Find(diagnosis, "cuDNN").Severity);
        Assert.Empty(_loader.Loaded);
        _machine.Remove(System, "libcudnn_ops.so.9");
        Assert.Contains("lacks libcudnn_ops.so.9", Find(Examine(), "cuDNN").Message);
        Assert.Empty(_loader.Loaded);
    }

    [Fact]
    public void A_driver_that_does_not_load_is_reported_with_the_loaders_reason()
    {
        _machine.Variables["IBA_CUDA_DIRS"] = "/opt/broken";
        _machine.Put("/opt/broken", "libcuda.so.1");
        _loader.Breaks("/opt/broken/libcuda.so.1");
        Assert.Contains("/opt/broken/libcuda.so.1 does not load (file too short)", Examine().Obstacle!.Message);
    }

    [Fact]
    public void A_cudnn_that_is_missing_or_broken_is_reported_and_does_not_prevent_cuda()
    {
        WithEverything();
        Assert.Null(Examine().Gap);
        _machine.Remove(System, "libcudnn_heuristic.so.9");
        Assert.Equal("cuDNN", Examine().Gap!.Subject);
        Assert.Null(Examine().Obstacle);
        _driver.Devices = 0;
        Assert.Equal("device", Examine().Gap!.Subject);
    }

    [Fact]
    public void Where_a_gpu_is_required_the_tests_need_cudnn_too()
    {
        WithEverything();
        Assert.Null(Gpu.MissingFrom(Examine(), required: true));
        _machine.Remove(System, "libcudnn.so.9");
        Assert.Contains("cuDNN: not found", Gpu.MissingFrom(Examine(), required: true));
        Assert.Null(Gpu.MissingFrom(Examine(), required: false));
        _driver.Devices = 0;
        Assert.Contains("no GPU", Gpu.MissingFrom(Examine(), required: false));
    }

    /// <summary>As on a system whose C library keeps dlopen elsewhere.</summary>
    [Fact]
    public void Without_dlopen_there_is_no_cuda_and_the_reason_names_where_it_was_looked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libraries are loaded by dlopen on Linux");
        Diagnosis diagnosis = Doctor.Examine(Libraries.Load(_machine.Machine, new SystemLoader(["libnone.so.1", "libno.so.2"])), Precision.Float32);
        Assert.Contains("no NVIDIA driver (libcuda.so.1: neither libnone.so.1 nor libno.so.2 has dlopen)", diagnosis.Obstacle!.Message);
    }

    [Theory]
    [InlineData("libc")]
    [InlineData("libdl.so.2")]
    [InlineData("libnone.so.1", "libc")]
    public void Libraries_are_loaded_by_the_dlopen_of_any_glibc_and_a_refusal_has_its_reason(params string[] homes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libraries are loaded by dlopen on Linux");
        var loader = new SystemLoader(homes);
        nint loaded = loader.Load("libm.so.6", out string? reason);
        Assert.True(loaded != 0, reason);
        Assert.NotEqual(0, loader.Find(loaded, "cos"));
        Assert.Equal(0, loader.Load("libnone.so.1", out reason));
        Assert.StartsWith("libnone.so.1: ", reason);
    }

    [Fact]
    public void A_whole_cudnn_elsewhere_is_preferred_to_a_broken_one()
    {
        WithEverything();
        _machine.Remove(System, "libcudnn_heuristic.so.9");
        _machine.Variables["CUDA_HOME"] = "/opt/cuda";
        _machine.Put("/opt/cuda/lib64", [.. CudnnParts.Select(part => $"libcudnn{part}.so.9")]);
        Finding finding = Find(Examine(), "cuDNN");
        Assert.Equal(Severity.Fine, finding.Severity);
        Assert.Contains("/opt/cuda/lib64/libcudnn.so.9", finding.Message);
    }

    [Fact]
    public void A_cudnn_for_a_newer_cuda_than_the_drivers_is_reported()
    {
        WithEverything();
        _cudnn.Runtime = 13000;
        Finding finding = Find(Examine(), "cuDNN");
        Assert.Equal(Severity.Slower, finding.Severity);
        Assert.Contains("nvidia-cudnn-cu12", finding.Remedy);
    }

    [Fact]
    public void A_compiler_without_its_built_ins_is_reported_with_the_missing_file()
    {
        WithEverything();
        _machine.Remove(System, "libnvrtc-builtins.so.12.6");
        Finding finding = Find(Examine(), "NVRTC");
        Assert.Equal(Severity.Slower, finding.Severity);
        Assert.Contains("libnvrtc-builtins.so.12.6", finding.Remedy);
    }

    [Fact]
    public void A_toolkit_that_only_the_systems_loader_finds_is_used()
    {
        WithDriver();
        _loader.Knows("libnvrtc.so.12").Knows("libcublasLt.so.12");
        Diagnosis diagnosis = Examine();
        Assert.Equal(Severity.Fine, Find(diagnosis, "NVRTC").Severity);
        Assert.Equal(Severity.Fine, Find(diagnosis, "cuBLASLt").Severity);
    }

    [Fact]
    public void Reduced_precision_on_an_old_device_is_reported()
    {
        WithEverything();
        _driver.Capability = 75;
        Finding finding = Find(Examine(Precision.BFloat16), "precision");
        Assert.Equal(Severity.Slower, finding.Severity);
        Assert.Contains("bf16", finding.Message);
        Assert.Equal(Severity.Fine, Find(Examine(Precision.Float32), "precision").Severity);
    }

    [Fact]
    public void The_machine_of_this_test_can_be_examined()
    {
        Diagnosis diagnosis = Doctor.Examine();
        Assert.NotEmpty(diagnosis.PathsTried);
        Assert.Equal(diagnosis.HasCuda, diagnosis.Devices.Count > 0 && diagnosis.Obstacle is null);
    }

    private Diagnosis Examine(Precision precision = Precision.TensorFloat32) => Doctor.Examine(Libraries.Load(_machine.Machine, _loader), precision);

    private static Finding Find(Diagnosis diagnosis, string subject) => diagnosis.Findings.Single(finding => finding.Subject == subject);

    private void WithDriver() => _loader.Knows("libcuda.so.1");

    private void WithEverything()
    {
        WithDriver();
        _machine.Put(System, "libnvrtc.so.12", "libnvrtc-builtins.so.12.6", "libcublasLt.so.12");
        _machine.Put(System, [.. CudnnParts.Select(part => $"libcudnn{part}.so.9")]);
    }
}
