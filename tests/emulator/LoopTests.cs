using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Xunit;

namespace Tests.Emulator;

/// <summary>The optimisation loop as the driver sees it: what is sent, captured, launched and freed, and in which order.</summary>
public sealed class LoopTests : IDisposable
{
    /// <summary>Calls that allocate, free, wait or load: none of them may occur in a loop.</summary>
    private static readonly string[] Forbidden =
        ["cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuMemFreeHost", "cuStreamSynchronize", "cuEventSynchronize", "cuEventCreate", "cuEventDestroy_v2",
         "cuModuleLoadDataEx", "cuModuleGetFunction", "cuFuncLoad", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2"];

    private readonly FakeGpu _gpu = new();
    private readonly CudaBackend _backend;
    private readonly MaskFit _fit;

    public LoopTests()
    {
        _backend = _gpu.Open();
        Network network = ResNet.ResNet50.Build(_backend, new NarrowSource(_backend, 16));
        var features = new Shape(1, 4, 4, 32);
        var origin = new FeatureOrigin(network.Name, network.Resolve("layer2"), features, "");
        float[] ones = new float[features.Count];
        Array.Fill(ones, 1f);
        var statistics = new FeatureStatistics(origin, 2000, new float[features.Count], ones, ones, ones);
        // Weights are copied in the form that their convolutions take when these first run, and not again.
        using (var before = new MaskFit(network.After("layer2"), statistics, images: 1, new BottleneckSettings { Copies = 3 }))
            before.Step();
        _fit = new MaskFit(network.After("layer2"), statistics, images: 2, new BottleneckSettings { Copies = 3 });
        _fit.Begin();
        _gpu.Driver.Calls.Clear();
        _gpu.Driver.Launched.Clear();
        _gpu.Cudnn.Executed.Clear();
        _gpu.CublasLt.Products.Clear();
    }

    public void Dispose()
    {
        _fit.Dispose();
        _backend.Dispose();
        _gpu.Dispose();
    }

    [Fact]
    public void The_first_step_warms_up_the_second_captures_and_every_other_is_one_launch()
    {
        _fit.Step();
        Assert.DoesNotContain("cuStreamBeginCapture_v2", _gpu.Driver.Calls);
        string[] first = Work();

        _gpu.Driver.Calls.Clear();
        _fit.Step();
        Assert.Equal("cuStreamBeginCapture_v2", _gpu.Driver.Calls[0]);
        Assert.Equal(
            ["cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphUpload", "cuGraphDestroy", "cuGraphLaunch"], _gpu.Driver.Calls.TakeLast(5));
        Assert.Equal(first, _gpu.Driver.Calls.Skip(1).SkipLast(5));

        for (int step = 0; step < 8; step++)
        {
            _gpu.Driver.Calls.Clear();
            _fit.Step();
            Assert.Equal(["cuGraphLaunch"], _gpu.Driver.Calls);
        }
    }

    [Fact]
    public void Nothing_is_allocated_freed_loaded_or_waited_for_inside_the_loop()
    {
        _fit.Step();
        nuint used = _gpu.Driver.UsedBytes;
        int descriptors = _gpu.Cudnn.LiveDescriptors;
        _gpu.Driver.Calls.Clear();
        for (int step = 0; step < 10; step++)
            _fit.Step();
        Assert.DoesNotContain(_gpu.Driver.Calls, Forbidden.Contains);
        Assert.Equal(used, _gpu.Driver.UsedBytes);
        Assert.Equal(descriptors, _gpu.Cudnn.LiveDescriptors);
        Assert.Empty(_gpu.Cudnn.Misuse);
    }

    [Fact]
    public void Every_step_runs_the_same_kernels_and_libraries_in_the_same_order()
    {
        _fit.Step();
        string[] kernels = [.. _gpu.Driver.Launched];
        int plans = _gpu.Cudnn.Executed.Count, products = _gpu.CublasLt.Products.Count;
        var first = _gpu.Cudnn.Executed.ToArray();
        for (int step = 1; step < 5; step++)
        {
            _fit.Step();
            Assert.Equal(kernels, _gpu.Driver.Launched.Skip(kernels.Length * step));
            Assert.Equal(plans * (step + 1), _gpu.Cudnn.Executed.Count);
            Assert.Equal(products * (step + 1), _gpu.CublasLt.Products.Count);
            Assert.Equal(first.Select(Told), _gpu.Cudnn.Executed.TakeLast(plans).Select(Told));
        }

        // The bottleneck's own kernels, each once a step, after the network's.
        Assert.Equal(["mask_turn", "sum_total", "advance_step"], kernels.TakeLast(3));
        Assert.Single(kernels, "mask_turn");
        Assert.Single(kernels, "cross_entropy_backward");
        Assert.DoesNotContain(kernels, kernel => kernel.StartsWith("restrict", StringComparison.Ordinal));

        static string Told((long Engine, long[] Ids, ulong[] Pointers, ulong Workspace) each) =>
            $"{each.Engine} {string.Join(' ', each.Ids)} {string.Join(' ', each.Pointers)} {each.Workspace}";
    }

    [Fact]
    public void Convolutions_of_the_loop_are_fused_and_their_gradients_gated_where_they_are_made()
    {
        _fit.Step();
        // What follows a strided gradient is the project's kernel; one that nothing follows is a graph of its own.
        Assert.All(_backend.Choices, choice => Assert.Contains(choice.Route,
            choice.Unit.StartsWith("data gradient", StringComparison.Ordinal) && choice.Unit.Contains("stride 2") && choice.Unit.Contains("gate")
                ? [Route.Single] : (Route[])[Route.Fused, Route.Product]));
        Assert.Contains(_backend.Choices,
            choice => choice.Unit.StartsWith("forward", StringComparison.Ordinal) && choice.Unit.Contains("+ addend, + bias, relu"));
        Assert.Contains(_backend.Choices, choice => choice.Unit.StartsWith("data gradient", StringComparison.Ordinal) && choice.Unit.Contains("gate"));
        Assert.DoesNotContain(_backend.Choices, choice => choice.Unit.StartsWith("weight gradient", StringComparison.Ordinal));
        Assert.All(_backend.Choices, choice => Assert.Contains("16-byte aligned", choice.Unit));
        Assert.DoesNotContain("unit_forward", _gpu.Driver.Launched);
    }

    [Fact]
    public void Disposing_the_loop_frees_everything_of_it()
    {
        for (int step = 0; step < 3; step++)
            _fit.Step();
        Assert.Contains("executable", _gpu.Driver.Held);
        _fit.Dispose();
        _gpu.Driver.Calls.Clear();
        _backend.Synchronize();
        Assert.Equal("cuGraphExecDestroy", _gpu.Driver.Calls[0]);
        Assert.Equal("cuStreamSynchronize", _gpu.Driver.Calls[^1]);
        Assert.DoesNotContain("executable", _gpu.Driver.Held);
        _backend.Dispose();
        Assert.Empty(_gpu.Driver.Held);
        Assert.Equal(0, _gpu.Cudnn.LiveDescriptors);
        Assert.Equal(0, _gpu.Cudnn.LiveHandles);
        Assert.Equal(0, _gpu.CublasLt.Live);
    }

    [Fact]
    public void Two_batches_use_one_capture_and_may_upload_and_download_between()
    {
        for (int batch = 0; batch < 2; batch++)
        {
            _backend.Upload(new float[_fit.Features.Shape.Count], _fit.Features);
            _fit.Begin();
            for (int step = 0; step < 3; step++)
                _fit.Step();
            _backend.Download(_fit.Capacity, new float[_fit.Capacity.Shape.Count]);
        }
        Assert.Single(_gpu.Driver.Calls, "cuStreamBeginCapture_v2");
        Assert.Equal(5, _gpu.Driver.Calls.Count(call => call == "cuGraphLaunch"));
    }

    private string[] Work() => [.. _gpu.Driver.Calls.Where(call => call is "cuLaunchKernel" or "cudnnBackendExecute" or "cublasLtMatmul")];
}

/// <summary>Zero parameters, with the given number of channels for each 64 of torchvision's.</summary>
internal sealed class NarrowSource(IBackend backend, int divisor) : IParameterSource
{
    public ParameterPair Convolution(ConvolutionSpec wanted) =>
        new(new Parameter($"{wanted.Name}.weight", backend.Allocate(new Shape(wanted.Outputs / divisor, wanted.Kernel, wanted.Kernel, wanted.Channels))),
            new Parameter($"{wanted.Name}.bias", backend.Allocate(new Shape(wanted.Outputs / divisor))));

    public ParameterPair Linear(string name, Shape input, int outputs) =>
        new(new Parameter($"{name}.weight", backend.Allocate(new Shape(outputs, input.Count))),
            new Parameter($"{name}.bias", backend.Allocate(new Shape(outputs))));
}
