using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Statistics;
using Iba.Weights;
using Xunit;

namespace Tests.Networks;

/// <summary>
/// Every architecture, compared with PyTorch: torchvision's module, narrow, with random weights. architectures/make.py made the files.
/// </summary>
public sealed class ArchitectureTests : IDisposable
{
    /// <summary>float32 against float32 of another order of summation; gradients pass through up to 150 layers twice.</summary>
    private const double Activation = 1e-5, Gradient = 1e-4;

    private static readonly string Folder = Path.Combine(Golden.Root, "tests", "networks", "architectures");

    private readonly CpuBackend _backend = new() { Winograd = false };

    public static TheoryData<string> Names => [.. Architecture.All.Select(architecture => architecture.Name).Except(["resnet50", "vgg16"])];

    public void Dispose() => _backend.Dispose();

    [Theory, MemberData(nameof(Names))]
    public void Logits_activations_and_gradients_are_PyTorchs(string name)
    {
        Network network = Open(name);
        Assert.Equal(name, network.Name);
        using var golden = new GoldenFile(SafetensorsFile.Open(Path.Combine(Folder, $"{name}.expected.safetensors")));
        using var tape = new Tape(_backend);
        Value input = tape.Variable(_backend.Tensor(new Shape(2, 32, 32, 3), golden.NHWC("input")), "input");
        Value logits = network.Record(input, fused: false);
        Value loss = logits.CrossEntropy(tape.Constant(_backend.Tensor(new Shape(2), 1, 2), "targets")).Mean();
        tape.Forward();
        Gradients d = tape.Backward(loss);
        Close.InMaxNorm(golden.Floats("logits"), _backend.Read(logits.Data), Activation, "logits");
        Close.InMaxNorm(golden.NHWC("grad.input"), _backend.Read(d[input]), Gradient, "grad.input");
        string[] layers = [.. golden.Fields.Where(field => field.StartsWith("act.", StringComparison.Ordinal)).Select(field => field[4..])];
        Assert.True(layers.Length >= 8, $"{layers.Length} layers");
        foreach (string layer in layers)
        {
            bool map = golden.Shape($"act.{layer}").Length == 4;
            Value line = tape[layer];
            Close.InMaxNorm(map ? golden.NHWC($"act.{layer}") : golden.Floats($"act.{layer}"), _backend.Read(line.Data), Activation, $"act.{layer}");
            Close.InMaxNorm(map ? golden.NHWC($"grad.{layer}") : golden.Floats($"grad.{layer}"), _backend.Read(d[line]), Gradient, $"grad.{layer}");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void The_per_sample_bottleneck_at_the_default_layer_is_PyTorchs(string name)
    {
        Network network = Open(name);
        using var golden = new GoldenFile(SafetensorsFile.Open(Path.Combine(Folder, $"{name}.expected.safetensors")));
        string layer = network.Architecture!.DefaultLayer;
        Assert.Equal(golden.Metadata["layer"], network.Resolve(layer));
        int[] chw = golden.Shape("mean"), noiseShape = golden.Shape("noise");
        var origin = new FeatureOrigin(name, network.Resolve(layer), new Shape(1, chw[1], chw[2], chw[0]), "");
        float[] active = [.. golden.NHWC("active", golden.Bools("active")).Select(on => on ? 1f : 0f)], std = golden.NHWC("std");
        var statistics = new FeatureStatistics(origin, 24, golden.NHWC("mean"), std, std, active);
        var settings = new BottleneckSettings { Steps = noiseShape[0], Copies = noiseShape[1] };
        using var trunk = new Inference(network.Until(layer), new Shape(1, 32, 32, 3));
        using var fit = new MaskFit(network.After(layer), statistics, 1, settings, recordedNoise: true);
        _backend.Upload(golden.NHWC("input").AsSpan(0, 32 * 32 * 3), trunk.Input);
        trunk.Run();
        _backend.Copy(trunk.Output, fit.Features);
        _backend.Fill(fit.Targets, 1f);
        fit.Begin();
        float[] noise = golden.NHWC("noise");
        foreach (float[] step in noise.Chunk(noise.Length / settings.Steps))
        {
            _backend.Upload(step, fit.Noise!);
            fit.Step();
        }

        // Ten times the tolerance of one pass: every step adds its own rounding, and Adam at rate 1 divides a gradient by its own size.
        Close.InMaxNorm(golden.Floats("loss.model"), _backend.Read(fit.ModelHistory), 10 * Activation, "loss.model");
        Close.InMaxNorm(golden.Floats("loss.information"), _backend.Read(fit.InformationHistory), 10 * Activation, "loss.information");
        Close.InNorm(golden.NHWC("capacity"), _backend.Read(fit.Capacity), 1e-4, "capacity");
    }

    [Fact]
    public void A_wide_network_and_its_plain_twin_are_told_apart_by_proportions_alone()
    {
        string[] names = [.. Architecture.Named("resnet50").StateDict.Names];
        Assert.Equal("wide_resnet50_2", Open("wide_resnet50_2").Name);
        Assert.Equal("resnet50", Architecture.Nearest(names, name => name.Contains(".conv3") ? 32 : 8).Name);
    }

    [Fact]
    public void Grouped_convolutions_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using StateDict wide = StateDict.Open(Path.Combine(Folder, "wide_resnet50_2.safetensors"));
        SafetensorsFile.Write(folder["a"], [.. wide.Entries.Select(entry => entry.Name.EndsWith(".conv2.weight", StringComparison.Ordinal)
            ? new SafetensorsTensor(entry.Name, [entry.Shape[0], entry.Shape[1] / 2, 3, 3], new float[entry.Count / 2])
            : new SafetensorsTensor(entry.Name, entry.Type, [.. entry.Shape], () => entry.ReadBytes()))]);
        using StateDict grouped = StateDict.Open(folder["a"]);
        string message = Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(grouped, _backend)).Message;
        Assert.Contains("it is a ResNeXt: its 3x3 convolutions are in 2 groups of 2 channels", message);
    }

    [Fact]
    public void Another_depth_is_refused_with_the_nearest_and_the_first_differences()
    {
        using var folder = new TemporaryFolder();
        using StateDict small = StateDict.Open(Path.Combine(Folder, "resnet18.safetensors"));
        SafetensorsFile.Write(folder["a"], [.. small.Entries.Where(entry => !entry.Name.StartsWith("layer4.1.", StringComparison.Ordinal))
            .Select(entry => new SafetensorsTensor(entry.Name, entry.Type, [.. entry.Shape], () => entry.ReadBytes()))]);
        using StateDict shallow = StateDict.Open(folder["a"]);
        string message = Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(shallow, _backend)).Message;
        Assert.Contains("it does not fit resnet18: 10 tensors missing, 0 misshapen, 0 unexpected", message);
        Assert.Contains("missing: layer4.1.conv1.weight", message);
    }

    private Network Open(string name)
    {
        using StateDict weights = StateDict.Open(Path.Combine(Folder, $"{name}.safetensors"));
        return NetworkBuilder.Build(weights, _backend);
    }
}
