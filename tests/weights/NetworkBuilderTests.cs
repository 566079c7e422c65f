using Engine.Backends.Cpu;
using Engine.Files;
using Engine.Networks;
using Engine.Tensors;
using Weights;
using Xunit;

namespace Tests.Weights;

public sealed class NetworkBuilderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new CpuBackend();

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("resnet50-narrow", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool")]
    [InlineData("vgg16-narrow", "features.4", "features.9", "features.16", "features.17", "features.18", "features.23", "features.30",
        "avgpool", "classifier.0", "classifier.3")]
    public void Every_tapped_layer_of_a_golden_network_computes_what_PyTorch_computes(string file, params string[] layers)
    {
        using StateDict weights = StateDict.Open(Golden.Path($"{file}.pth"));
        GoldenFile golden = Golden.Open($"{file}.expected.safetensors");
        Network network = NetworkBuilder.Build(weights, _backend);
        int[] shape = golden.Shape("input");
        using var inference = new Inference(network, new Shape(shape[0], shape[2], shape[3], shape[1]), layers);

        Close(golden.Floats("logits"), inference.Run(golden.NHWC("input")));
        foreach (string layer in layers)
        {
            Tensor activation = inference[network.Resolve(layer)];
            float[] numbers = new float[activation.Shape.Count];
            _backend.Download(activation, numbers);
            Close(golden.Shape($"act.{layer}").Length == 4 ? golden.NHWC($"act.{layer}") : golden.Floats($"act.{layer}"), numbers);
        }
    }

    [Theory]
    [InlineData("resnet50-narrow")]
    [InlineData("vgg16-narrow")]
    public void A_converted_file_builds_the_same_network(string file)
    {
        using StateDict weights = StateDict.Open(Golden.Path($"{file}.pth"));
        Conversion.Write(weights, _folder["a"]);
        using StateDict converted = StateDict.Open(_folder["a"]);
        Network network = NetworkBuilder.Build(weights, _backend), again = NetworkBuilder.Build(converted, _backend);
        foreach ((Parameter a, Parameter b) in network.Parameters.Zip(again.Parameters))
        {
            Assert.Equal(a.Name, b.Name);
            Assert.Equal(Numbers(a.Data), Numbers(b.Data));
        }
    }

    [Fact]
    public void Every_key_that_does_not_fit_is_listed_at_once()
    {
        using StateDict weights = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        List<SafetensorsTensor> tensors = [.. from e in weights.Entries
                                              where e.Name is not ("layer1.0.conv1.weight" or "layer3.2.bn2.running_var")
                                              select new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes())];
        int fc = tensors.FindIndex(t => t.Name == "fc.weight");
        tensors[fc] = new SafetensorsTensor("fc.weight", [10, 3], new float[30]);
        tensors.Add(new SafetensorsTensor("layer3.6.conv1.weight", [1], new float[1]));
        SafetensorsFile.Write(_folder["a"], tensors);

        using StateDict broken = StateDict.Open(_folder["a"]);
        string message = Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(broken, _backend)).Message;
        Assert.Contains("2 tensors missing, 1 misshapen, 1 unexpected", message);
        Assert.Contains("  missing: layer1.0.conv1.weight\n", message);
        Assert.Contains("  missing: layer3.2.bn2.running_var\n", message);
        Assert.Contains("  misshapen: fc.weight F32 (10, 3) should be (10, 256)\n", message);
        Assert.Contains("  unexpected: layer3.6.conv1.weight\n", message);
    }

    [Fact]
    public void Blocks_that_cannot_be_added_are_refused()
    {
        // Wider by one channel in all of layer1.1's expansion: every tensor fits its neighbours, but not the residual sum.
        using StateDict weights = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        SafetensorsFile.Write(_folder["a"], [.. weights.Entries.Select(Widened)]);
        using StateDict broken = StateDict.Open(_folder["a"]);
        Assert.Contains("do not fit together", Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(broken, _backend)).Message);

        static SafetensorsTensor Widened(StateDictEntry e) => e.Name switch
        {
            "layer1.1.conv3.weight" => Zeros(e.Name, [e.Shape[0] + 1, .. e.Shape.Skip(1)]),
            "layer1.2.conv1.weight" => Zeros(e.Name, [e.Shape[0], e.Shape[1] + 1, 1, 1]),
            _ when e.Name.StartsWith("layer1.1.bn3.") && e.Shape.Count == 1 => Zeros(e.Name, [e.Shape[0] + 1]),
            _ => new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes()),
        };

        static SafetensorsTensor Zeros(string name, int[] shape) => new(name, shape, new float[shape.Aggregate((a, b) => a * b)]);
    }

    [Fact]
    public void A_state_dict_of_another_network_is_named()
    {
        using StateDict weights = StateDict.Open(Fixture.Path("plain.pth"));
        Assert.Contains("fit no known network",
            Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(weights, _backend)).Message);
    }

    // Sums of up to a few thousand float32 products in another order: about 1e-6 of the largest value; PyTorch's own is as far from exact.
    private static void Close(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5 * scale, $"[{i}] {actual[i]} is not {expected[i]}, scale {scale}");
    }

    private float[] Numbers(Tensor tensor)
    {
        float[] numbers = new float[tensor.Shape.Count];
        _backend.Download(tensor, numbers);
        return numbers;
    }
}
