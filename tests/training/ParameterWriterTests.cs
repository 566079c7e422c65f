using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Weights;
using Tests.Networks;
using Xunit;

namespace Tests.Training;

/// <summary>Trained parameters can be read as torchvision's state dicts.</summary>
public sealed class ParameterWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void A_written_network_reads_back_with_the_same_parameters(string name)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        ParameterWriter.Write(narrow.Network, _folder["w.safetensors"]);
        using StateDict weights = StateDict.Open(_folder["w.safetensors"]);
        Network read = NetworkBuilder.Build(weights, narrow.Backend);
        foreach ((Parameter before, Parameter after) in narrow.Network.Parameters.Zip(read.Parameters))
        {
            Assert.Equal(before.Name, after.Name);
            // 1 - 1e-5 + 1e-5 is 1 up to the rounding of the variance to float32, 3e-8.
            Close.InMaxNorm(narrow.Backend.Read(before.Data), narrow.Backend.Read(after.Data), 1e-7, before.Name);
        }
    }

    [Theory]
    [MemberData(nameof(NarrowNetwork.Names), MemberType = typeof(NarrowNetwork))]
    public void Names_and_shapes_are_torchvisions(string name)
    {
        using NarrowNetwork narrow = NarrowNetwork.Open(name);
        ParameterWriter.Write(narrow.Network, _folder["w.safetensors"], ElementType.F16);
        using StateDict written = StateDict.Open(_folder["w.safetensors"]), golden = StateDict.Open(Golden.Path($"{name}.pth"));
        Assert.Equal(Lines(golden), Lines(written));

        // Files without a version, as safetensors are, may leave the counter out.
        static IEnumerable<string> Lines(StateDict weights) => weights.Entries
            .Where(entry => !entry.Name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            .Select(entry => $"{entry.Name} {string.Join(' ', entry.Shape)}").Order();
    }

    [Theory]
    [InlineData("resnet50")]
    [InlineData("vgg16")]
    public void Activations_of_fresh_networks_neither_grow_nor_vanish(string architecture)
    {
        using var backend = new CpuBackend();
        Network network = Architecture.Named(architecture).Build(backend, new FreshParameters(backend, new NetworkWidth(8, 64, 10), seed: 1));
        using var inference = new Inference(network, new Shape(2, 64, 64, 3));
        var random = new Random(1);
        float[] logits = inference.Run([.. Enumerable.Range(0, 2 * 64 * 64 * 3).Select(_ => (float)(2 * random.NextDouble() - 1) * 1.7f)]);
        Assert.Equal(20, logits.Length);
        Assert.InRange(logits.Average(x => x * x), 1e-3, 1e2);
    }
}
