using Engine.Backends.Cpu;
using Engine.Networks;
using Weights;
using Xunit;

namespace Tests.Networks;

/// <summary>One of the golden networks: torchvision's topology and key names, narrow.</summary>
public sealed class NarrowNetwork : IDisposable
{
    private NarrowNetwork(string name, CpuBackend backend, Network network) => (Name, Backend, Network) = (name, backend, network);

    public static TheoryData<string> Names => ["resnet50-narrow", "vgg16-narrow"];

    public string Name { get; }
    public CpuBackend Backend { get; }
    public Network Network { get; }

    /// <summary>Reads it from the golden folder, or skips the test.</summary>
    public static NarrowNetwork Open(string name)
    {
        using StateDict weights = StateDict.Open(Golden.Path($"{name}.pth"));
        var backend = new CpuBackend();
        return new NarrowNetwork(name, backend, NetworkBuilder.Build(weights, backend));
    }

    public void Dispose() => Backend.Dispose();
}
