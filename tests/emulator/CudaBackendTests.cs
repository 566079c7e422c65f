using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Emulator;

public sealed class CudaBackendTests : IDisposable
{
    private readonly FakeGpu _gpu = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _gpu.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(Precision.Float32, 90, "fp32")]
    [InlineData(Precision.TensorFloat32, 80, "tf32")]
    [InlineData(Precision.BFloat16, 90, "bf16")]
    [InlineData(Precision.BFloat16, 75, "fp32")]
    public void The_name_tells_device_and_precision(Precision precision, int capability, string word)
    {
        _gpu.Driver.Capability = capability;
        using CudaBackend backend = _gpu.Open(precision);
        Assert.Equal($"cuda:0 Fake GPU 0, {word}", backend.Name);
    }

    [Fact]
    public void No_cuda_and_no_such_device_are_reported_with_their_remedy()
    {
        NoCudaException none = Assert.Throws<NoCudaException>(() => CudaBackend.Open(_gpu.Libraries(), 3, Precision.Float32));
        Assert.Contains("no device cuda:3: this machine has cuda:0 (Fake GPU 0)", none.Message);
        Assert.True(none.Diagnosis.HasCuda);
        _gpu.Driver.Start = CUresult.CUDA_ERROR_NO_DEVICE;
        none = Assert.Throws<NoCudaException>(() => CudaBackend.Open(_gpu.Libraries(), 0, Precision.Float32));
        Assert.StartsWith("no CUDA: device: the driver (libcuda.so.1) sees no GPU. To fix it, check nvidia-smi", none.Message);
    }

    [Fact]
    public void A_cudnn_that_does_not_start_is_reported_and_not_used()
    {
        _gpu.Cudnn.Creation = cudnnStatus.CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH;
        using CudaBackend backend = _gpu.Open();
        Assert.Contains("cudnnCreate", Assert.Single(backend.Notes));
        Convolve(backend);
        Assert.Equal(Route.OwnKernel, Assert.Single(backend.Choices).Route);
    }

    [Fact]
    public void Where_cudnn_is_required_one_that_is_missing_or_does_not_start_is_no_cuda()
    {
        _gpu.Cudnn.Creation = cudnnStatus.CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH;
        NoCudaException none = Assert.Throws<NoCudaException>(() => CudaBackend.Open(_gpu.Libraries(), 0, Precision.Float32, requiresCudnn: true));
        Assert.Contains("cuDNN: does not start", none.Message);
        Assert.Contains("cudnnCreate", none.Message);
        Assert.Equal(none.Diagnosis.Gap, Assert.Single(none.Diagnosis.Findings, finding => finding.Subject == "cuDNN"));
        Assert.Empty(_gpu.Driver.Held);

        using var without = new FakeGpu(cudnn: false);
        Assert.Contains("cuDNN: not found",
            Assert.Throws<NoCudaException>(() => CudaBackend.Open(without.Libraries(), 0, Precision.Float32, requiresCudnn: true)).Message);
        CudaBackend.Open(without.Libraries(), 0, Precision.Float32).Dispose();
    }

    [Fact]
    public void Memory_is_new_zeroed_and_aligned()
    {
        using CudaBackend backend = _gpu.Open();
        Tensor x = backend.Allocate(new Shape(3, 5));
        Assert.Equal(0, Argument.Address(x) % 64);
        var numbers = new float[15];
        numbers.AsSpan().Fill(9f);
        backend.Download(x, numbers);
        Assert.All(numbers, number => Assert.Equal(0f, number));
    }

    [Fact]
    public void A_choice_has_a_reason_and_is_saved_for_the_next_run()
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.Cudnn.Engines.AddRange(
            [new FakeEngine(1) { Notes = [4] }, new FakeEngine(2), new FakeEngine(3) { Knobs = [(1, 2)], Workspace = 4096, Behaviour = [0] }]);
        float[] times = [30, 20];
        int measured = 0;
        _gpu.Driver.Elapsed = () => times[measured++];
        using (CudaBackend backend = _gpu.Open(cache: _folder[""]))
        {
            Convolve(backend);
            PlanChoice choice = Assert.Single(backend.Choices);
            Assert.Equal((Route.Fused, "engine 3 (1 = 2)", true, 4096L, 2f),
                (choice.Route, choice.Engine, choice.IsCompiled, choice.WorkspaceBytes, choice.Milliseconds));
            Assert.Equal("the fastest of 2 of heuristic A", choice.Reason);
            Assert.Equal(["engine 1: its bits differ from run to run", "engine 2: 3.0000 ms", "engine 3 (1 = 2): 2.0000 ms"], choice.Rejected);
            Assert.Equal("forward 2x8x8x4 -> 4, 3x3, stride 1, padding 1, + bias, relu, tf32, 16-byte aligned", choice.Unit);
            Assert.Equal(2, measured);
        }
        using (CudaBackend again = _gpu.Open(cache: _folder[""]))
        {
            Convolve(again);
            PlanChoice choice = Assert.Single(again.Choices);
            Assert.Equal(("kept from an earlier run", "engine 3 (1 = 2)", 2f), (choice.Reason, choice.Engine, choice.Milliseconds));
            Assert.Equal(2, measured);
        }
    }

    /// <summary>Ten runs are long beside the launch of the first, and the rounding of factors is no part of an engine.</summary>
    [Fact]
    public void A_candidate_is_timed_over_ten_runs_after_a_warm_up_without_conversions()
    {
        _gpu.Cudnn.Engines.Clear();
        _gpu.Cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2)]);
        int timed = 0;
        _gpu.Driver.Elapsed = () =>
        {
            int end = _gpu.Driver.Calls.LastIndexOf("cuEventRecord"), start = _gpu.Driver.Calls.LastIndexOf("cuEventRecord", end - 1);
            Assert.Equal("cudnnBackendExecute", _gpu.Driver.Calls[start - 1]);
            Assert.Equal(Enumerable.Repeat("cudnnBackendExecute", 10), _gpu.Driver.Calls[(start + 1)..end]);
            return ++timed;
        };
        using CudaBackend backend = _gpu.Open(Precision.BFloat16);
        Convolve(backend);
        Assert.Equal((2, 0.1f), (timed, Assert.Single(backend.Choices).Milliseconds));
    }

    [Fact]
    public void A_unit_is_chosen_once_and_a_view_of_another_alignment_is_another_unit()
    {
        using CudaBackend backend = _gpu.Open();
        Convolve(backend);
        Convolve(backend);
        Assert.Single(backend.Choices);
        Tensor large = backend.Allocate(new Shape(2 * 8 * 8 * 4 + 1)), w = backend.Allocate(new Shape(4, 3, 3, 4)), y = backend.Allocate(new Shape(2, 8, 8, 4));
        backend.Convolution(large.View(1, y.Shape), w, null, null, false, new(3, 1, 1), y);
        Assert.Contains(backend.Choices, choice => choice.Unit.EndsWith("4-byte aligned", StringComparison.Ordinal));
    }

    /// <summary>
    /// The whole networks at their real size, forward and back to the pixels: every convolution they ask for is one of those whose
    /// description is tested. Nothing is computed, and memory is only counted.
    /// </summary>
    [Theory]
    [InlineData("resnet50", Precision.TensorFloat32)]
    [InlineData("resnet50", Precision.BFloat16)]
    [InlineData("vgg16", Precision.Float32)]
    public void Every_convolution_that_the_networks_ask_for_is_one_of_those_described(string name, Precision precision)
    {
        _gpu.Driver.IsIdle = true;
        _gpu.Driver.TotalBytes = (nuint)80 << 30;
        using CudaBackend backend = _gpu.Open(precision);
        var source = new NarrowSource(backend, 1);
        Network network = Architecture.Named(name).Build(backend, source);
        using var tape = new Tape(backend);
        Value pixels = tape.Variable(backend.Allocate(new Shape(NetworkUnits.Batch, 224, 224, 3)), "pixels");
        Value logits = network.Record(pixels, rounds: true);
        Assert.Equal(new Shape(NetworkUnits.Batch, 1000), logits.Shape);
        tape.Plan(logits);
        tape.Forward();
        tape.Backward(logits);

        string[] convolutions = [.. backend.Choices.Select(choice => choice.Unit).Where(unit => !unit.StartsWith("product", StringComparison.Ordinal))];
        HashSet<string> described = [.. NetworkUnits.At(precision, halves: precision == Precision.BFloat16).Select(unit => unit.ToString())];
        Assert.All(convolutions, unit => Assert.Contains(unit, described));
        Assert.True(convolutions.Length > (name == "resnet50" ? 40 : 18), $"{convolutions.Length} units");
        Assert.Empty(_gpu.Cudnn.Misuse);
    }

    [Fact]
    public void Native_bindings_are_used_by_this_backend_alone()
    {
        string cuda = Path.Combine(Golden.Root, "engine", "backends", "cuda");
        IEnumerable<string> elsewhere = ((string[])["engine", "weights", "iba"])
            .SelectMany(room => Directory.EnumerateFiles(Path.Combine(Golden.Root, room), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.StartsWith(cuda, StringComparison.Ordinal)
                && !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"));
        Assert.All(elsewhere, file => Assert.DoesNotContain("Backends.Cuda.Native", File.ReadAllText(file)));
    }

    /// <summary>NVIDIA's libraries free their memory in the context that is current.</summary>
    [Fact]
    public void A_backend_is_disposed_in_its_own_context_and_looking_at_devices_changes_none()
    {
        _gpu.Driver.Devices = 2;
        using CudaBackend second = CudaBackend.Open(_gpu.Libraries(), 1, Precision.Float32);
        nint context = _gpu.Driver.Context;
        Assert.NotEqual(0, context);
        nint first;
        var seen = new List<nint>();
        using (CudaBackend backend = CudaBackend.Open(_gpu.Libraries(), 0, Precision.Float32))
        {
            first = _gpu.Driver.Context;
            Convolve(backend);
            second.Synchronize();
            Assert.Equal(context, _gpu.Driver.Context);
            Doctor.Examine(_gpu.Libraries(), Precision.Float32);
            Assert.Equal(context, _gpu.Driver.Context);
            _gpu.Cudnn.Destroying = () => seen.Add(_gpu.Driver.Context);
        }
        Assert.Equal([first], seen.Distinct());
        _gpu.Cudnn.Destroying = null;
    }

    private static void Convolve(CudaBackend backend)
    {
        Tensor x = backend.Allocate(new Shape(2, 8, 8, 4)), w = backend.Allocate(new Shape(4, 3, 3, 4)), bias = backend.Allocate(new Shape(4));
        backend.Convolution(x, w, bias, null, true, new ConvGeometry(3, 1, 1), backend.Allocate(new Shape(2, 8, 8, 4)));
    }
}
