using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// A network's topology and what the attribution methods need to know about it. A new network is one entry of <see cref="All"/>: readers,
/// writers, commands and methods look it up here and contain no network names.
/// </summary>
/// <param name="Name">torchvision's name: <c>resnet50</c>.</param>
/// <param name="Layers">Builds the layers, first to last, from a source of parameters.</param>
/// <param name="DefaultLayer">The layer at which the bottleneck restricts the flow by default.</param>
/// <param name="ReadoutLayers">The layers that a readout network reads; the first is the one that it restricts (paper, Table 3).</param>
/// <param name="CamLayer">The layer whose feature maps Grad-CAM weighs: the last one with spatial extent.</param>
public sealed record Architecture(
    string Name, Func<IParameterSource, IReadOnlyList<Layer>> Layers, string DefaultLayer, IReadOnlyList<string> ReadoutLayers, string CamLayer)
{
    private StateDictNames? _names;

    /// <summary>
    /// The standard deviation of the weights of linear layers before training, whose mean and bias are 0; null for PyTorch's default, weight and bias
    /// uniform within ±1 / √fan-in.
    /// </summary>
    public double? LinearDeviation { get; init; }

    /// <summary>Every architecture that this project can build.</summary>
    public static IReadOnlyList<Architecture> All { get; } = [.. ResNet.Family, .. Vgg.Family];

    /// <summary>All names, for messages and help texts.</summary>
    public static string Names => string.Join(", ", All.Select(architecture => architecture.Name));

    /// <summary>The architecture with that name, or null.</summary>
    public static Architecture? Find(string name) => All.FirstOrDefault(architecture => architecture.Name == name);

    /// <summary>The architecture with that name.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists all.</exception>
    public static Architecture Named(string name) => Find(name)
        ?? throw new ArgumentException($"there is no architecture '{name}'. There are: {Names}.", nameof(name));

    /// <summary>
    /// The architecture whose state dict is most similar to the given one: the fewest missing and unexpected names. Some architectures have
    /// the same names and differ in proportions (resnet50 and wide_resnet50_2). Among them, the one is returned that agrees in most layers,
    /// comparing each layer's outputs relative to the first layer's. Networks narrower than torchvision's are thus recognised, too.
    /// </summary>
    /// <param name="names">The names of the state dict.</param>
    /// <param name="outputs">The first extent of the tensor with that name, 0 if there is none.</param>
    public static Architecture Nearest(IReadOnlyCollection<string> names, Func<string, int> outputs) => All
        .OrderBy(architecture => architecture.StateDict.Names.Count - 2 * architecture.StateDict.Shared(names))
        .ThenByDescending(architecture => architecture.StateDict.Proportional(outputs))
        .First();

    /// <summary>The names of its state dict, and the widths of its layers.</summary>
    internal StateDictNames StateDict => _names ??= new StateDictNames(this);

    /// <summary>The names of the layers that have parameters, first to last.</summary>
    public IReadOnlyList<string> ParameterLayers =>
        [.. Layers(new StateDictNames(this)).Where(layer => layer.Parameters.Any()).Select(layer => layer.Name)];

    /// <summary>Builds the network with the source's widths.</summary>
    public Network Build(IBackend backend, IParameterSource source) => new(Name, backend, Layers(source)) { Architecture = this };

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}

/// <summary>The names of an architecture's state dict, collected by building it from a source that only records them.</summary>
internal sealed class StateDictNames : IParameterSource
{
    private readonly HashSet<string> _names = [];
    private readonly List<(string Weight, int Outputs)> _weights = [];

    public StateDictNames(Architecture architecture) => architecture.Layers(this);

    /// <summary>All tensors that the network needs. Batch counters are excluded: they are for training only.</summary>
    public IReadOnlySet<string> Names => _names;

    /// <summary>How many of the given names belong to this architecture.</summary>
    public int Shared(IEnumerable<string> names) => names.Count(_names.Contains);

    /// <summary>The number of layers whose outputs are torchvision's times the factor of the first layer.</summary>
    public int Proportional(Func<string, int> outputs)
    {
        (string Weight, int Outputs) first = _weights[0];
        long stem = outputs(first.Weight);
        return _weights.Count(layer => stem * layer.Outputs == (long)outputs(layer.Weight) * first.Outputs);
    }

    public ParameterPair Convolution(ConvolutionSpec wanted)
    {
        _names.UnionWith([wanted.Weight, .. wanted.Vectors]);
        _weights.Add((wanted.Weight, wanted.Outputs));
        return ParameterPair.WithoutData(wanted.Name, new Shape(wanted.Outputs, wanted.Kernel, wanted.Kernel, wanted.Channels));
    }

    public ParameterPair Linear(string name, Shape input, int outputs)
    {
        _names.UnionWith([$"{name}.weight", $"{name}.bias"]);
        return ParameterPair.WithoutData(name, new Shape(outputs, input.Count));
    }
}
