using System.Diagnostics;
using System.Reflection;
using Iba;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Explaining;
using Iba.Weights;
using Xunit;

namespace Tests.Emulator;

/// <summary>What a debugger shows of the things that one looks at: short, and without a call of the driver.</summary>
public sealed class DebuggerDisplayTests
{
    [Fact]
    public void Things_on_a_device_are_shown_without_touching_it()
    {
        using var gpu = new FakeGpu(computes: true);
        using CudaBackend backend = gpu.Open(Precision.Float32);
        using var tensors = new TensorScope(backend);
        using var tape = new Tape(backend);
        Tensor tensor = tensors.Allocate(new Shape(1, 2, 3, 4));
        Value x = tape.Variable(tensor, "x"), y = x.Relu();
        Network network = FullMemoryTests.Tiny(backend);
        int calls = gpu.Driver.Calls.Count;
        Assert.Equal($"{tensor.Shape} Float32 on cuda:0", tensor.Shown);
        Assert.Equal($"0: x {tensor.Shape} Float32 on cuda:0", x.Shown);
        Assert.Equal($"1: {y.Name} {tensor.Shape} Float32", y.Shown);
        Assert.Equal($"tiny: 4 layers on {backend.Name}", network.Shown);
        Assert.Equal($"conv: ConvolutionLayer, {new Shape(4, 3, 3, 3)}, {new Shape(4)}", network.Layers[0].Shown);
        Assert.Equal("relu: ReluLayer", network.Layers[1].Shown);
        Assert.Equal(calls, gpu.Driver.Calls.Count);
    }

    [Fact]
    public void Results_and_files_are_shown_by_what_matters()
    {
        var map = new Heatmap(2, 3, [1, 2, 3, 4, 5, 6], HeatmapUnit.BitsPerPixel);
        Assert.Equal("2 x 3, BitsPerPixel, at most 6", map.Shown);
        Assert.Equal("class 1, p 0.500: 2 x 3, BitsPerPixel, at most 6", new Explanation(map, 1, [0, 0]).Shown);
        Assert.Equal("class 1, p 0.500: 2 x 3, BitsPerPixel, at most 6, 21 bits, p 0.250 if only they pass",
            new BottleneckExplanation(map, 1, [0, 0], 21, 0.25, []).Shown);
        using StateDict dict = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        Assert.Equal($"resnet50-narrow.pth: {dict.Entries.Count} tensors, {dict.Format}", dict.Shown);
        Assert.StartsWith("conv1.weight (", dict["conv1.weight"].Shown);
        using var cpu = new CpuBackend(threads: 1);
        using var tensors = new TensorScope(cpu);
        Assert.Equal($"{new Shape(5)} Float32 on cpu", tensors.Allocate(new Shape(5)).Shown);
    }

    /// <summary>The attribute holds the name of the property as text, which no compiler checks.</summary>
    [Fact]
    public void Every_attribute_names_a_property_that_exists()
    {
        Type[] shown = [.. new[] { typeof(Tensor), typeof(StateDict), typeof(Heatmap), typeof(PhotoExplanation) }.SelectMany(type => type.Assembly.GetTypes())
            .Where(type => type.GetCustomAttribute<DebuggerDisplayAttribute>(inherit: false)?.Value == "{Shown,nq}")];
        Assert.Contains(typeof(Value), shown);
        Assert.All(shown, type =>
            Assert.Equal(typeof(string), type.GetProperty("Shown", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)?.PropertyType));
    }
}
