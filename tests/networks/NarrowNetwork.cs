using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Weights;
using Tests.Devices;
using Xunit;

namespace Tests.Networks;

/// <summary>One of the golden networks: torchvision's topology and key names, narrow.</summary>
public sealed class NarrowNetwork : IDisposable
{
    private readonly CpuBackend? _own;

    private NarrowNetwork(string name, IBackend backend, CpuBackend? own, Network network) => (Name, Backend, _own, Network) = (name, backend, own, network);

    public static TheoryData<string> Names => ["resnet50-narrow", "vgg16-narrow"];

    public string Name { get; }
    public IBackend Backend { get; }
    public Network Network { get; }

    /// <summary>Reads it from the golden folder, or skips the test.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="on">Where it is to run; null for a processor of its own.</param>
    public static NarrowNetwork Open(string name, Device? on = null)
    {
        using StateDict weights = StateDict.Open(Golden.Path($"{name}.pth"));
        CpuBackend? own = on is null ? new CpuBackend { Winograd = false } : null;
        IBackend backend = on?.Backend ?? own!;
        return new NarrowNetwork(name, backend, own, NetworkBuilder.Build(weights, backend));
    }

    /// <summary>Frees the parameters; a shared device stays open.</summary>
    public void Dispose()
    {
        foreach (Parameter parameter in Network.Parameters)
            parameter.Data.Storage.Dispose();
        _own?.Dispose();
    }
}
