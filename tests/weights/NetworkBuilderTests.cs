using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Weights;
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
            float[] numbers = _backend.Read(activation);
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
    public void A_count_of_batches_may_be_a_floating_point_number()
    {
        using StateDict weights = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        SafetensorsFile.Write(_folder["a"], [.. weights.Entries.Select(e => e.Name.EndsWith("num_batches_tracked", StringComparison.Ordinal)
            ? new SafetensorsTensor(e.Name, [], new[] { 100.5f }) : new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes()))]);
        using StateDict averaged = StateDict.Open(_folder["a"]);
        Network network = NetworkBuilder.Build(weights, _backend), again = NetworkBuilder.Build(averaged, _backend);
        Assert.All(network.Parameters.Zip(again.Parameters), pair => Assert.Equal(Numbers(pair.First.Data), Numbers(pair.Second.Data)));
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

    [Theory]
    [InlineData("conv1.weight", 5, float.NaN, "conv1.weight: 1 not finite, the first at index 5 is NaN")]
    [InlineData("layer2.1.conv2.weight", 1000, float.NegativeInfinity, "layer2.1.conv2.weight: 1 not finite, the first at index 1000 is -Infinity")]
    [InlineData("bn1.weight", 1, float.NaN, "bn1.weight: 1 not finite, the first at index 1 is NaN")]
    [InlineData("layer4.2.bn3.running_mean", 2, float.PositiveInfinity, "layer4.2.bn3.running_mean: 1 not finite, the first at index 2 is Infinity")]
    [InlineData("bn1.running_var", 3, float.NaN, "bn1.running_var: 1 not finite, the first at index 3 is NaN")]
    [InlineData("bn1.running_var", 3, -1f, "bn1.running_var: 1 not finite, the first at index 3 is NaN, as γ / √(running_var + ε)")]
    [InlineData("layer4.0.bn2.running_mean", 0, 3.4e38f, "layer4.0.bn2.bias: 1 not finite, the first at index 0 is")]
    [InlineData("fc.weight", 7, float.NaN, "fc.weight: 1 not finite, the first at index 7 is NaN")]
    [InlineData("fc.bias", 0, float.NaN, "fc.bias: 1 not finite, the first at index 0 is NaN")]
    public void Numbers_that_are_not_finite_are_refused_by_name_unless_they_are_asked_for(string name, int at, float value, string says)
    {
        using StateDict golden = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        SafetensorsFile.Write(_folder["a"], [.. golden.Entries.Select(e => new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => Changed(e)))]);
        using StateDict weights = StateDict.Open(_folder["a"]);
        string message = Assert.Throws<FileFormatException>(() => NetworkBuilder.Build(weights, _backend)).Message;
        Assert.Contains($"\n  {says}", message);
        Assert.Equal(3, message.Split('\n').Length);   // the reason, this one line, the advice
        Assert.Contains(Inspection.Problems(weights), problem => problem.Contains(says.Split(':')[0]) && problem.Contains("not finite"));
        Network network = NetworkBuilder.Build(weights, _backend, allowNonFinite: true);
        Assert.Contains(network.Parameters, parameter => Numbers(parameter.Data).Any(number => !float.IsFinite(number)));

        byte[] Changed(StateDictEntry entry)
        {
            byte[] bytes = entry.ReadBytes();
            if (entry.Name == name)
                BitConverter.TryWriteBytes(bytes.AsSpan(at * sizeof(float)), value);
            return bytes;
        }
    }

    [Fact]
    public void Tensors_of_types_that_no_network_computes_with_do_no_harm_where_none_needs_them()
    {
        using StateDict golden = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        SafetensorsFile.Write(_folder["a"],
        [
            .. golden.Entries.Select(e => new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes())),
            new("scales", ElementType.F8_E4M3, [4], () => new byte[4]),
            new("spectrum", ElementType.C64, [2], () => new byte[16]),
            new("ids", ElementType.U16, [3], () => new byte[6]),
            new("best_acc1", [1], new[] { 76.1f }),
        ]);
        using StateDict weights = StateDict.Open(_folder["a"]);
        Assert.Equal("F8_E4M3", weights["scales"].TypeName);
        Assert.Equal(golden.Entries.Count + 4, weights.Entries.Count);
        NetworkBuilder.Build(weights, _backend);
        Assert.Empty(Inspection.Problems(weights));
        Conversion.Write(weights, _folder["b"]);
        using StateDict converted = StateDict.Open(_folder["b"]);
        Assert.Equal(weights.Entries.Select(e => e.Name).Order(), converted.Entries.Select(e => e.Name).Order());
    }

    [Theory]
    [InlineData("U8")]
    [InlineData("F4")]
    [InlineData("XY")]
    public void A_type_that_is_not_computed_with_is_named_where_the_network_needs_it(string type)
    {
        using StateDict golden = StateDict.Open(Golden.Path("resnet50-narrow.pth"));
        SafetensorsFile.Write(_folder["a"], [.. golden.Entries.Select(e => e.Name == "fc.bias"
            ? new SafetensorsTensor(e.Name, new int[] { 10 }, new byte[10])
            : new SafetensorsTensor(e.Name, e.Type, [.. e.Shape], () => e.ReadBytes()))]);
        byte[] file = File.ReadAllBytes(_folder["a"]);
        int at = file.AsSpan().IndexOf("\"U8\""u8) + 1;
        System.Text.Encoding.ASCII.GetBytes(type).CopyTo(file, at);
        using StateDict weights = StateDict.Open(_folder.With("b", file));
        Assert.Contains($"misshapen: fc.bias {type} (10) should hold floating point numbers",
            Assert.Throws<FileFormatException>(() => NetworkBuilder.Check(weights, _backend)).Message);
    }

    [Fact]
    public void ResNet_50_has_25557032_parameters_and_53173_numbers_in_buffers()
    {
        var shapes = new Shapes();
        Architecture.Named("resnet50").Layers(shapes);
        long at = 0;
        string json = "{" + string.Join(',', shapes.Tensors.Select(tensor =>
            $"\"{tensor.Name}\":{{\"dtype\":\"{tensor.Type}\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{at},{at += Bytes(tensor)}]}}"))
                + "}";
        byte[] header = System.Text.Encoding.UTF8.GetBytes(json);
        using (FileStream file = File.Create(_folder["a"]))
        {
            file.Write(BitConverter.GetBytes((long)header.Length));
            file.Write(header);
            file.SetLength(8 + header.Length + at);
        }
        using StateDict weights = StateDict.Open(_folder["a"]);
        Inspection inspection = Inspection.Of(weights);
        Assert.Equal(25_557_032, inspection.Parameters);        // as torchvision's documentation has it
        Assert.Equal(2 * 26_560 + 53, inspection.Buffers);      // a mean and a variance of each of 26,560 channels, a count for each of 53 norms

        static long Bytes((string Name, int[] Shape, ElementType Type) tensor) =>
            tensor.Shape.Aggregate((long)tensor.Type.Size, (product, extent) => product * extent);
    }

    /// <summary>Names and shapes of torchvision's own width, in half precision.</summary>
    private sealed class Shapes : IParameterSource
    {
        public List<(string Name, int[] Shape, ElementType Type)> Tensors { get; } = [];

        public ParameterPair Convolution(ConvolutionSpec wanted)
        {
            Tensors.Add((wanted.Weight, [wanted.Outputs, wanted.Channels, wanted.Kernel, wanted.Kernel], ElementType.F16));
            foreach (string vector in wanted.Vectors)
                Tensors.Add((vector, [wanted.Outputs], ElementType.F16));
            Tensors.Add(($"{wanted.Norm}.num_batches_tracked", [], ElementType.I64));
            return ParameterPair.WithoutData(wanted.Name, new Shape(wanted.Outputs, wanted.Kernel, wanted.Kernel, wanted.Channels));
        }

        public ParameterPair Linear(string name, Shape input, int outputs)
        {
            Tensors.Add(($"{name}.weight", [outputs, input.Count], ElementType.F16));
            Tensors.Add(($"{name}.bias", [outputs], ElementType.F16));
            return ParameterPair.WithoutData(name, new Shape(outputs, input.Count));
        }
    }

    // Sums of up to a few thousand float32 products in another order: about 1e-6 of the largest value; PyTorch's own is as far from exact.
    private static void Close(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5 * scale, $"[{i}] {actual[i]} is not {expected[i]}, scale {scale}");
    }

    private float[] Numbers(Tensor tensor) => _backend.Read(tensor);
}
