using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// A sequence of layers that can be cut at any of torchvision's module names. A network only records itself on a tape;
/// <see cref="Inference"/> runs it without gradients.
/// </summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class Network
{
    /// <param name="name">Its name: <c>resnet50</c>.</param>
    /// <param name="backend">The device of its parameters.</param>
    /// <param name="layers">The layers, first to last.</param>
    public Network(string name, IBackend backend, IReadOnlyList<Layer> layers) => (Name, Backend, Layers) = (name, backend, layers);

    /// <summary>The architecture's name, or the name that the caller gave.</summary>
    public string Name { get; }

    /// <summary>The architecture that it was built from; null for layers assembled by hand.</summary>
    public Architecture? Architecture { get; init; }

    /// <summary>The device of its parameters.</summary>
    public IBackend Backend { get; }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>Its learnt parameters, in the order of the layers.</summary>
    public IEnumerable<Parameter> Parameters => Layers.SelectMany(layer => layer.Parameters);

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Name}: {Layers.Count} layers on {Backend.Name}";

    /// <summary>The first layers, up to and including <paramref name="layer"/>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public Network Until(string layer) => new(Name, Backend, [.. Layers.Take(Find(layer) + 1)]) { Architecture = Architecture };

    /// <summary>The layers after <paramref name="layer"/>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public Network After(string layer) => new(Name, Backend, [.. Layers.Skip(Find(layer) + 1)]) { Architecture = Architecture };

    /// <summary>
    /// Whether its device computes activations in another type than float32, and it has a convolution: it can then be recorded with rounds.
    /// </summary>
    public bool CanRound => Backend.Activations != Element.Float32 && Layers.Any(layer => layer is ConvolutionLayer or ResidualBlock);

    /// <summary>Whether a layer has that name, in full or in short.</summary>
    public bool Has(string layer) => Place(layer) >= 0;

    /// <summary>The full name of a layer: <c>layer2</c> is short for its last block, <c>layer2.3</c>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public string Resolve(string layer) => Layers[Find(layer)].Name;

    /// <summary>
    /// Records the network on x's tape. Every layer's output has the layer's name; if a convolution or linear layer and its ReLU are fused
    /// into one line, that line has the ReLU's name.
    /// </summary>
    /// <param name="x">(N, H, W, C) the input.</param>
    /// <param name="fused">Whether units are one line each (fast), or recorded in parts (to study them, or for a
    /// <see cref="BackwardRule"/>).</param>
    /// <param name="trains">Whether the parameters get gradients.</param>
    /// <param name="rounds">
    /// Whether activations and their gradients have the element type of the device's activations, where that is another than float32. The input may be
    /// float32; what comes out of pooling for the linear layers is. Not for a <see cref="BackwardRule"/> or for parts.
    /// </param>
    /// <param name="visible">Full names of layers that need a line of their own even if they could be fused.</param>
    /// <returns>The last layer's output, or x if there are no layers.</returns>
    public Value Record(Value x, bool fused = true, bool trains = false, bool rounds = false, IReadOnlyCollection<string>? visible = null)
    {
        var recording = new Recording(x.Tape, fused, trains, rounds && CanRound);
        for (int i = 0; i < Layers.Count; i++)
        {
            bool relu = fused && Layers[i].TakesRelu && i + 1 < Layers.Count && Layers[i + 1] is ReluLayer
                && visible?.Contains(Layers[i].Name) != true;
            Value y = Layers[i].Record(x, recording, relu);
            if (relu)
                i++;
            x = y == x ? x : y.Named(Layers[i].Name);
        }
        return x;
    }

    /// <summary>The output's shape for an input of shape <paramref name="x"/>.</summary>
    /// <exception cref="ShapeException">The input is too small, or has the wrong rank or channels.</exception>
    public Shape Output(Shape x)
    {
        using var tape = new Tape(Backend);
        return Record(tape.Constant(Tensor.WithoutData(x), "input")).Shape;
    }

    private int Find(string layer)
    {
        int found = Place(layer);
        if (found < 0)
        {
            throw new ArgumentException(
                $"{Name} has no layer '{layer}'. Its layers: {string.Join(", ", Layers.Select(l => l.Name))}.", nameof(layer));
        }
        while (found > 0 && Layers[found] is DropoutLayer)
            found--;
        return found;
    }

    private int Place(string layer) => Enumerable.Range(0, Layers.Count)
        .LastOrDefault(i => Layers[i].Name == layer || Layers[i].Name.StartsWith($"{layer}.", StringComparison.Ordinal), -1);
}
