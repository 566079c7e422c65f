using Iba.Engine.Backends.Cuda.Native;
using Xunit;

namespace Tests.Emulator;

public class LibraryPathsTests
{
    private static readonly string[] CudnnFiles =
        ["libcudnn.so.9", "libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9", "libcudnn_adv.so.9",
         "libcudnn_engines_precompiled.so.9", "libcudnn_engines_runtime_compiled.so.9", "libcudnn_heuristic.so.9"];

    [Fact]
    public void The_wheels_of_cuda_13_are_found_in_a_virtual_environment()
    {
        using var machine = new FakeMachine();
        machine.Variables["VIRTUAL_ENV"] = "/home/a/venv";
        machine.Put("/home/a/venv/lib/python3.12/site-packages/nvidia/cu13/lib",
            "libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13");
        machine.Put("/home/a/venv/lib/python3.12/site-packages/nvidia/cudnn/lib", CudnnFiles);
        var paths = new LibraryPaths(machine.Machine);

        LibrarySet toolkit = paths.Toolkits(13)[0];
        Assert.Equal(13, toolkit.Major);
        Assert.Equal(
            ["libcudart.so.13", "libnvrtc-builtins.so.13.0", "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13"],
            toolkit.InOrder.Select(file => Path.GetFileName(file.Path)));
        LibrarySet cudnn = Assert.Single(paths.Cudnns(toolkit, 13));
        Assert.Equal("/home/a/venv/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9", cudnn.InOrder.First().Path);
        Assert.Equal(LibraryNames.CudnnCore, cudnn.InOrder.Select(file => file.Library));
    }

    [Fact]
    public void The_wheels_of_cuda_12_have_a_folder_per_library_and_count_as_one_installation()
    {
        using var machine = new FakeMachine();
        machine.Variables["VIRTUAL_ENV"] = "/venv";
        machine.Put("/venv/lib/python3.11/site-packages/nvidia/cublas/lib", "libcublasLt.so.12", "libcublas.so.12")
            .Put("/venv/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib", "libnvrtc.so.12", "libnvrtc-builtins.so.12.6");
        LibrarySet toolkit = new LibraryPaths(machine.Machine).Toolkits(13)[0];
        Assert.Equal(12, toolkit.Major);
        Assert.True(toolkit.Has(Library.Nvrtc) && toolkit.Has(Library.CublasLt) && toolkit.Has(Library.NvrtcBuiltins));
    }

    [Fact]
    public void The_newest_cuda_that_the_driver_serves_comes_first_wherever_it_lies()
    {
        using var machine = new FakeMachine();
        machine.Variables["IBA_CUDA_DIRS"] = "/opt/twelve";
        machine.Put("/opt/twelve", "libnvrtc.so.12", "libcublasLt.so.12").Put("/usr/local/cuda-13.0/lib64", "libnvrtc.so.13", "libcublasLt.so.13");

        Assert.Equal([13, 12], new LibraryPaths(machine.Machine).Toolkits(13).Select(set => set.Major));
        Assert.Equal([12], new LibraryPaths(machine.Machine).Toolkits(12).Select(set => set.Major));
        Assert.Equal([13, 12], new LibraryPaths(machine.Machine).Toolkits(14).Select(set => set.Major));
        Assert.Empty(new LibraryPaths(machine.Machine).Toolkits(11));
    }

    [Fact]
    public void Libraries_of_one_major_version_never_come_from_two_folders()
    {
        using var machine = new FakeMachine();
        machine.Variables["LD_LIBRARY_PATH"] = "/a:/b";
        machine.Put("/a", "libnvrtc.so.12").Put("/b", "libcublasLt.so.12", "libnvrtc.so.12");
        IReadOnlyList<LibrarySet> sets = new LibraryPaths(machine.Machine).Toolkits(12);
        Assert.All(sets, set => Assert.Single(set.Files.Values.Select(Path.GetDirectoryName).Distinct()));
        Assert.Equal("/b", sets[0].Place.Folders[0]);
        Assert.Equal("/a", sets[1].Place.Folders[0]);
    }

    [Fact]
    public void What_is_named_comes_before_what_is_loaded_then_python_conda_system_and_cuda_path()
    {
        using var machine = new FakeMachine();
        machine.Variables["IBA_CUDA_DIRS"] = "/named";
        machine.Loaded.Add("/loaded/libcudnn.so.9");
        machine.Loaded.Add("/usr/lib/libc.so.6");
        machine.Variables["VIRTUAL_ENV"] = "/venv";
        machine.Variables["CONDA_PREFIX"] = "/conda";
        machine.Variables["LD_LIBRARY_PATH"] = "/system";
        machine.Variables["CUDA_PATH"] = "/toolkit";
        machine.Put("/named", "libnvrtc.so.12").Put("/loaded", "libnvrtc.so.12")
            .Put("/venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib", "libnvrtc.so.12")
            .Put("/conda/lib", "libnvrtc.so.12").Put("/system", "libnvrtc.so.12").Put("/toolkit/lib64", "libnvrtc.so.12").Put("/usr/lib", "libc.so.6");
        string[] folders = [.. new LibraryPaths(machine.Machine).Toolkits(12).Select(set => Path.GetDirectoryName(set.Files[Library.Nvrtc])!)];
        Assert.Equal(["/named", "/loaded", "/venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib", "/conda/lib", "/system", "/toolkit/lib64"], folders);
    }

    [Fact]
    public void On_windows_cuda_13_is_found_in_bin_x64_and_cudnn_in_its_installers_folder()
    {
        using var machine = new FakeMachine(windows: true);
        machine.Variables["CUDA_PATH"] = @"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v13.0";
        machine.Put(@"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v13.0\bin\x64",
            "nvrtc64_130_0.dll", "nvrtc64_130_0.alt.dll", "nvrtc-builtins64_130.dll", "nvrtc-builtins64_130.alt.dll", "cublasLt64_13.dll", "cublas64_13.dll");
        machine.Put(@"C:\Program Files\NVIDIA\CUDNN\v9.13\bin\13.0\x64", "cudnn64_9.dll", "cudnn_graph64_9.dll",
            "cudnn_engines_tensor_ir64_9.dll", "cudnn_ext64_9.dll");
        var paths = new LibraryPaths(machine.Machine);
        LibrarySet toolkit = paths.Toolkits(13)[0];
        Assert.Equal(
            ["nvrtc-builtins64_130.dll", "nvrtc64_130_0.dll", "cublasLt64_13.dll", "cublas64_13.dll"],
            toolkit.InOrder.Select(file => file.Path[(file.Path.LastIndexOf('\\') + 1)..]));
        Assert.StartsWith(@"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v13.0\bin\x64\", toolkit.Files[Library.Nvrtc], StringComparison.Ordinal);
        Assert.Equal(
            [Library.Cudnn, Library.CudnnGraph, Library.CudnnExtension, Library.CudnnEnginesTensorIr],
            Assert.Single(paths.Cudnns(toolkit, 13)).InOrder.Select(file => file.Library));
    }

    [Fact]
    public void On_windows_cuda_12_is_found_in_bin_on_the_path_or_in_wheels_whatever_the_case_of_its_name()
    {
        using var machine = new FakeMachine(windows: true);
        machine.Variables["PATH"] = @"C:\Windows\System32;C:\cuda\bin\";
        machine.Variables["VIRTUAL_ENV"] = @"C:\venv";
        machine.Put(@"C:\cuda\bin", "NVRTC64_120_0.dll", "cublasLt64_12.dll").Put(@"C:\venv\Lib\site-packages\nvidia\cuda_nvrtc\bin", "nvrtc64_120_0.dll");
        IReadOnlyList<LibrarySet> sets = new LibraryPaths(machine.Machine).Toolkits(12);
        Assert.Equal(@"C:\cuda\bin\NVRTC64_120_0.dll", sets[0].Files[Library.Nvrtc]);
        Assert.Equal(@"C:\venv\Lib\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll", sets[1].Files[Library.Nvrtc]);
    }

    /// <summary>A virtual environment that is not activated, but first on the path; its Python is a link to the system's.</summary>
    [Theory]
    [InlineData("/opt/venv/bin")]
    [InlineData("/home/a/bin")]
    public void The_wheels_of_the_python_on_the_path_are_found(string path)
    {
        using var machine = new FakeMachine();
        machine.Variables["PATH"] = $"/nowhere:{path}:/usr/bin";
        machine.Put("/usr/bin", "python3.12").Link("/usr/bin/python3", "/usr/bin/python3.12").Link("/opt/venv/bin/python3", "/usr/bin/python3")
            .Put("/home/a/bin").Link("/home/a/bin/python", "/opt/venv/bin/python3")
            .Put("/opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib", "libnvrtc.so.13", "libcublasLt.so.13")
            .Put("/opt/venv/lib/python3.12/site-packages/nvidia/cudnn/lib", CudnnFiles)
            .Put("/usr/lib/python3.12/dist-packages/nvidia/cu13/lib", "libnvrtc.so.13", "libcublasLt.so.13");
        var paths = new LibraryPaths(machine.Machine);
        Assert.Equal(["/opt/venv/lib/python3.12/site-packages/nvidia/cu13/lib", "/usr/lib/python3.12/dist-packages/nvidia/cu13/lib"],
            paths.Toolkits(13).Select(set => Path.GetDirectoryName(set.Files[Library.Nvrtc])));
        Assert.Single(paths.Cudnns(paths.Toolkits(13)[0], 13));
    }

    [Fact]
    public void A_circle_of_links_ends()
    {
        using var machine = new FakeMachine();
        machine.Variables["PATH"] = "/a";
        machine.Link("/a/python3", "/b/python3").Link("/b/python3", "/a/python3");
        Assert.Empty(new LibraryPaths(machine.Machine).Toolkits(13));
    }

    [Fact]
    public void Wheels_in_a_conda_environment_are_found()
    {
        using var machine = new FakeMachine();
        machine.Variables["CONDA_PREFIX"] = "/conda";
        machine.Put("/conda/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib", "libnvrtc.so.12");
        Assert.Equal("/conda/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
            Assert.Single(new LibraryPaths(machine.Machine).Toolkits(12)).Files[Library.Nvrtc]);
    }

    [Theory]
    [InlineData("CONDA_PREFIX", @"C:\conda", @"C:\conda")]
    [InlineData("PATH", @"C:\python", @"C:\python")]
    [InlineData("PATH", @"C:\env\Scripts", @"C:\env")]
    public void On_windows_the_libraries_that_pytorch_brings_are_found(string variable, string value, string root)
    {
        using var machine = new FakeMachine(windows: true);
        machine.Variables[variable] = value;
        machine.Put(value, "python.exe").Put($@"{root}\Lib\site-packages\torch\lib", "nvrtc64_120_0.dll", "cublasLt64_12.dll", "cudnn64_9.dll");
        var paths = new LibraryPaths(machine.Machine);
        LibrarySet toolkit = Assert.Single(paths.Toolkits(13));
        Assert.Equal($@"{root}\Lib\site-packages\torch\lib\nvrtc64_120_0.dll", toolkit.Files[Library.Nvrtc]);
        Assert.Single(paths.Cudnns(toolkit, 13));
    }

    [Theory]
    [InlineData(12, "12.9")]
    [InlineData(13, "13.0")]
    [InlineData(14, "13.0")]
    public void On_windows_the_installers_cudnn_for_the_drivers_cuda_comes_first(int driver, string first)
    {
        using var machine = new FakeMachine(windows: true);
        machine.Put(@"C:\Program Files\NVIDIA\CUDNN\v9.13\bin\13.0\x64", "cudnn64_9.dll").Put(@"C:\Program Files\NVIDIA\CUDNN\v9.13\bin\12.9", "cudnn64_9.dll");
        var paths = new LibraryPaths(machine.Machine);
        Assert.Empty(paths.Toolkits(driver));
        IReadOnlyList<LibrarySet> sets = paths.Cudnns(null, driver);
        Assert.Equal(2, sets.Count);
        Assert.Contains($@"\{first}", sets[0].Files[Library.Cudnn]);
    }

    [Fact]
    public void The_driver_is_left_to_the_systems_loader_unless_a_folder_is_named()
    {
        using var machine = new FakeMachine();
        machine.Put("/usr/lib/wsl/lib", "libcuda.so.1");
        Assert.Equal(["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"], new LibraryPaths(machine.Machine).Driver());
        machine.Variables["IBA_CUDA_DIRS"] = "/mine";
        machine.Put("/mine", "libcuda.so.1");
        Assert.Equal("/mine/libcuda.so.1", new LibraryPaths(machine.Machine).Driver()[0]);
        using var windows = new FakeMachine(windows: true);
        windows.Put(@"C:\Windows\System32", "nvcuda.dll");
        Assert.Equal(["nvcuda.dll", @"C:\Windows\System32\nvcuda.dll"], new LibraryPaths(windows.Machine).Driver());
    }

    [Fact]
    public void Everything_that_was_looked_for_is_reported()
    {
        using var machine = new FakeMachine();
        machine.Variables["CUDA_HOME"] = "/opt/cuda";
        var paths = new LibraryPaths(machine.Machine);
        Assert.Empty(paths.Toolkits(13));
        Assert.Contains("/opt/cuda/lib64/libnvrtc.so.13", paths.Tried);
        Assert.Contains("/opt/cuda/lib64/libcublasLt.so.12", paths.Tried);
        Assert.Empty(paths.Cudnns(null, 13));
        Assert.Contains("/usr/lib/x86_64-linux-gnu/libcudnn.so.9", paths.Tried);
    }

    [Theory]
    [InlineData("libcudnn.so.9.13.1", "9.13.1")]
    [InlineData("libcudnn.so.9", null)]
    [InlineData("libcudnn.so.9.x", null)]
    [InlineData("cudnn64_9.dll", null)]
    public void A_version_is_read_from_a_full_name_only(string file, string? version) => Assert.Equal(version, LibraryNames.VersionOf(file));

    [Fact]
    public void The_search_for_libraries_works_on_this_machine()
    {
        Machine here = Machine.Here();
        Assert.Contains("Tests.dll", here.Entries(AppContext.BaseDirectory));
        Assert.Empty(here.Entries("/no/such/folder"));
        Assert.NotEmpty(new LibraryPaths(here).Places);
        Assert.Same(here.Entries(AppContext.BaseDirectory), here.Entries(AppContext.BaseDirectory));
    }
}
