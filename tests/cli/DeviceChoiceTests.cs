using Iba;
using Iba.Cli;
using Iba.Engine;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Iba.Weights;
using Tests.Emulator;
using Xunit;

namespace Tests.Cli;

/// <summary>--device and --precision: which device is opened, the message, and the exit code where none can be.</summary>
public sealed class DeviceChoiceTests : IDisposable
{
    private readonly FakeGpu _gpu = new();
    private readonly List<string> _said = [];

    public void Dispose() => _gpu.Dispose();

    [Theory]
    [InlineData("auto", null, "cuda:0 Fake GPU 0", "tf32")]
    [InlineData("cuda", "fp32", "cuda:0 Fake GPU 0", "fp32")]
    [InlineData("cuda:1", "bf16", "cuda:1 Fake GPU 1", "bf16")]
    [InlineData("cpu", null, "cpu", "fp32")]
    [InlineData("cpu", "fp32", "cpu", "fp32")]
    public void A_present_device_is_opened_without_a_message(string word, string? precision, string device, string computes)
    {
        _gpu.Driver.Devices = 2;
        using IBackend opened = Open(_gpu, word, precision);
        Assert.Equal((device, computes), (Arithmetic.Of(opened).Device, Arithmetic.Of(opened).Precision));
        Assert.Equal(word == "cpu", opened is CpuBackend);
        Assert.Empty(_said);
    }

    [Fact]
    public void Without_a_gpu_auto_takes_the_cpu_and_says_why_in_one_line()
    {
        _gpu.Driver.Start = global::Iba.Engine.Backends.Cuda.Native.CUresult.CUDA_ERROR_STUB_LIBRARY;
        using IBackend opened = Open(_gpu, "auto");
        Assert.Equal("cpu", Arithmetic.Of(opened).Device);
        string line = Assert.Single(_said);
        Assert.Contains("running on the CPU: driver: libcuda.so.1 is the toolkit's stub", line);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void Without_cudnn_auto_takes_the_cpu_and_cuda_ends_with_3_and_the_findings()
    {
        using var without = new FakeGpu(cudnn: false);
        Open(without, "auto").Dispose();
        Assert.Contains("cuDNN: not found", Assert.Single(_said));

        Failure failure = Failure.Of(Assert.Throws<DeviceException>(() => Open(without, "cuda")));
        Assert.Equal(ExitCode.NoSuchDevice, failure.Code);
        Assert.StartsWith("--device cuda: no CUDA: cuDNN: not found", failure.Message);
        Assert.Contains(failure.Advice, line => line.StartsWith("slower  cuDNN: not found", StringComparison.Ordinal));
        Assert.Contains(failure.Advice, line => line.Contains("to fix it: install cuDNN 9"));
        Assert.Contains(failure.Advice, line => line.Contains("iba doctor"));
    }

    [Fact]
    public void A_gpu_that_does_not_exist_ends_with_3_and_names_those_that_do()
    {
        Failure failure = Failure.Of(Assert.Throws<DeviceException>(() => Open(_gpu, "cuda:7")));
        Assert.Equal(ExitCode.NoSuchDevice, failure.Code);
        Assert.Contains("no device cuda:7: this machine has cuda:0 (Fake GPU 0)", failure.Message);
    }

    [Fact]
    public void With_auto_a_driver_that_refuses_a_context_means_the_cpu()
    {
        _gpu.Driver.Fail("cuStreamCreate", global::Iba.Engine.Backends.Cuda.Native.CUresult.CUDA_ERROR_NOT_INITIALIZED);
        Assert.Equal("cpu", Arithmetic.Of(Open(_gpu, "auto")).Device);
        Assert.Contains("cuStreamCreate", Assert.Single(_said));
        Assert.Equal(ExitCode.Failed, Failure.Of(Assert.Throws<CudaException>(() => Open(_gpu, "cuda"))).Code);
    }

    [Theory]
    [InlineData("cpu", "tf32")]
    [InlineData("cpu", "bf16")]
    [InlineData("auto", "bf16")]
    public void The_cpu_has_no_other_precision_and_says_so(string word, string precision)
    {
        _gpu.Driver.Devices = 0;
        Failure failure = Failure.Of(Assert.Throws<UsageException>(() => Open(_gpu, word, precision)));
        Assert.Equal(ExitCode.Usage, failure.Code);
        Assert.Contains($"--precision {precision}: the CPU computes in fp32", failure.Message);
    }

    [Fact]
    public void A_device_too_old_for_the_precision_is_reported()
    {
        _gpu.Driver.Capability = 75;
        Open(_gpu, "cuda").Dispose();
        Assert.Empty(_said);
        using IBackend opened = Open(_gpu, "cuda", "bf16");
        Assert.Equal("fp32", Arithmetic.Of(opened).Precision);
        Assert.Contains("computes in fp32", Assert.Single(_said));
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:one")]
    [InlineData("cuda:99999999999")]
    [InlineData("")]
    public void Other_words_are_usage_errors(string word) =>
        Assert.Contains("auto, cpu, cuda or cuda:N", Assert.Throws<UsageException>(() => DeviceChoice.Parse(word)).Message);

    [Theory]
    [InlineData("cuda:0,0", "it names cuda:0 twice")]
    [InlineData("cuda:0,1,00", "it names cuda:0 twice")]
    [InlineData("cuda:0,x", "'x' is not the number of a GPU")]
    [InlineData("cuda:0,", "'' is not the number of a GPU")]
    [InlineData("cpu,cuda:0", "it must be auto")]
    public void Mistakes_in_a_list_of_gpus_are_named(string word, string message) =>
        Assert.Contains($"--device {word}: {message}", Assert.Throws<UsageException>(() => DeviceChoice.Parse(word)).Message);

    [Fact]
    public void Several_gpus_of_one_kind_are_opened_and_others_refused()
    {
        _gpu.Driver.Devices = 2;
        List<int> asked = [];
        DeviceChoice choice = DeviceChoice.Parse("cuda:1,0");
        // Two of one kind: the imitated ones have names of their own.
        IReadOnlyList<IBackend> both = choice.OpenAll((ordinal, computes) =>
        {
            asked.Add(ordinal);
            return CudaBackend.Open(_gpu.Libraries(), 0, computes, requiresCudnn: true);
        }, _said.Add);
        Assert.Equal((2, 1, 0), (both.Count, asked[0], asked[1]));
        foreach (IBackend each in both)
            each.Dispose();

        UsageException unlike = Assert.Throws<UsageException>(() => choice.OpenAll(Open, _said.Add));
        Assert.StartsWith("--device cuda:1,0: cuda:1 Fake GPU 1, tf32 and cuda:0 Fake GPU 0, tf32 are of different kinds", unlike.Message);
        DeviceException absent = Assert.Throws<DeviceException>(() => DeviceChoice.Parse("cuda:0,7").OpenAll(Open, _said.Add));
        Assert.Contains("--device cuda:0,7: no device cuda:7: this machine has cuda:0 (Fake GPU 0), cuda:1 (Fake GPU 1)", absent.Message);
        Assert.Contains("only iba attribute takes several devices", Assert.Throws<UsageException>(() => choice.Open()).Message);

        CudaBackend Open(int ordinal, Precision computes) => CudaBackend.Open(_gpu.Libraries(), ordinal, computes, requiresCudnn: true);
    }

    [Theory]
    [InlineData("4GB", 4_000_000_000)]
    [InlineData("1.5gib", 1_610_612_736)]
    [InlineData("512MiB", 536_870_912)]
    [InlineData("80%", 800)]
    [InlineData("100 %", 1000)]
    public void Bounds_of_memory_are_sizes_or_shares(string text, long bytes) =>
        Assert.Equal(bytes, DeviceChoice.Parse("cuda", memory: text).Memory!.Of(1000));

    [Theory]
    [InlineData("7%")]
    [InlineData("33.3%")]
    [InlineData("100%")]
    [InlineData("512MiB")]
    public void A_bound_is_written_as_it_was_given(string text) => Assert.Equal(text, MemoryLimit.Find(text)!.ToString());

    [Theory]
    [InlineData("4", "auto")]
    [InlineData("0GB", "auto")]
    [InlineData("-1GB", "auto")]
    [InlineData("101%", "auto")]
    [InlineData("lots", "auto")]
    [InlineData("1,5GB", "auto")]
    [InlineData("NaNGB", "auto")]
    [InlineData("4GB", "cpu")]
    public void Other_bounds_are_usage_errors(string text, string device) =>
        Assert.StartsWith($"--gpu-memory {text}: ", Assert.Throws<UsageException>(() => DeviceChoice.Parse(device, memory: text)).Message);

    [Fact]
    public void An_error_that_ends_a_command_is_printed_with_its_code_and_the_next_step()
    {
        Failure lost = Failure.Of(new DeviceLostException("cuda:0", "cuGraphLaunch failed; last op: replay", 719));
        Assert.Equal((ExitCode.Failed, "cuda:0: cuGraphLaunch failed; last op: replay. " + new DeviceLostException("", "", 0).Remedy),
            (lost.Code, lost.Message));
        Assert.Contains("finished is kept", Assert.Single(lost.Advice));
        Failure full = Failure.Of(new DeviceMemoryException("cuda:0", "no room"));
        Assert.Equal(ExitCode.Failed, full.Code);
        Assert.Contains("--batch", Assert.Single(full.Advice));
        Assert.Equal(ExitCode.Partial, Failure.Of(new OperationCanceledException()).Code);
        Assert.Equal(ExitCode.Usage, Failure.Of(new ArgumentException("x")).Code);
        Assert.Equal(ExitCode.Failed, Failure.Of(new FileFormatException("file", "reason", "advice")).Code);
        Assert.Equal(ExitCode.Failed, Failure.Of(new ShapeException("op", "reason", "advice")).Code);
        Assert.Equal("x", Failure.Of(new ArgumentException("x", "name")).Message);
        foreach (Exception denied in (Exception[])[new UnauthorizedAccessException("x"), new FileNotFoundException("x"), new DirectoryNotFoundException("x")])
            Assert.NotEmpty(Failure.Of(denied).Advice);
        Assert.Contains("mistake of the program", Failure.Of(new NotImplementedException()).Advice[0]);
    }

    /// <summary>Each message gives the thing, the reason and the next step, to the command and to programs that embed the library.</summary>
    [Fact]
    public void Every_public_exception_has_a_subject_a_reason_and_a_remedy()
    {
        Type[] exceptions = [.. new[] { typeof(IbaException), typeof(StateDict), typeof(Sample) }
            .SelectMany(type => type.Assembly.GetExportedTypes()).Where(type => type.IsAssignableTo(typeof(Exception)))];
        Assert.True(exceptions.Length > 10);
        Assert.All(exceptions, type => Assert.True(type.IsAssignableTo(typeof(IbaException)), type.FullName));
    }

    [Fact]
    public void The_real_command_falls_back_with_one_line_and_refuses_what_is_not_there()
    {
        string photo = Path.Combine(Golden.Path("preprocessing"), "rgb.png");
        string[] predict = ["predict", photo, "--weights", Golden.Path("resnet50-narrow.pth"), "--size", "64", "--json"];
        IbaProcess.Result result = IbaProcess.Run(predict);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("\"device\":\"cpu\",\"precision\":\"fp32\"", result.Output);
        Assert.Single(result.Error.Split('\n'), line => line.StartsWith("running on the CPU: ", StringComparison.Ordinal));

        IbaProcess.Result cuda = IbaProcess.Run([.. predict, "--device", "cuda"]);
        Assert.Equal(3, cuda.ExitCode);
        Assert.Contains("to fix it:", cuda.Error);
        Assert.Empty(cuda.Output);
        Assert.Equal(2, IbaProcess.Run([.. predict, "--device", "cpu", "--precision", "tf32"]).ExitCode);
        Assert.Equal(2, IbaProcess.Run([.. predict, "--precision", "fp64"]).ExitCode);
        Assert.Equal(3, IbaProcess.Run("demo", "train", "--network", "vgg16", "--out", "x", "--device", "cuda:0").ExitCode);
    }

    private IBackend Open(FakeGpu gpu, string word, string? precision = null) =>
        DeviceChoice.Parse(word, precision)
            .OpenAll((ordinal, computes) => CudaBackend.Open(gpu.Libraries(), ordinal, computes, requiresCudnn: true), _said.Add).Single();
}
