using Engine.Autograd;
using Engine.Backends;
using Engine.Tensors;

namespace Engine.Networks;

/// <summary>
/// Layers in a row, cut at any of torchvision's module names. A network does nothing but write itself on a tape;
/// <see cref="Inference"/> runs it without gradients.
/// </summary>
public sealed class Network
{
    /// <param name="name">What to call it: <c>resnet50</c>.</param>
    /// <param name="backend">Where its parameters live.</param>
    /// <param name="layers">The layers, first to last.</param>
    public Network(string name, IBackend backend, IReadOnlyList<Layer> layers) => (Name, Backend, Layers) = (name, backend, layers);

    /// <summary>The architecture's name, or what its maker called it.</summary>
    public string Name { get; }

    /// <summary>The architecture that it was built from; null for layers put together by hand.</summary>
    public Architecture? Architecture { get; init; }

    /// <summary>Where its parameters live.</summary>
    public IBackend Backend { get; }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>Everything it was trained to hold, in the order of the layers.</summary>
    public IEnumerable<Parameter> Parameters => Layers.SelectMany(layer => layer.Parameters);

    /// <summary>The first layers, up to and with <paramref name="layer"/>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public Network Until(string layer) => new(Name, Backend, [.. Layers.Take(Find(layer) + 1)]) { Architecture = Architecture };

    /// <summary>The layers after <paramref name="layer"/>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public Network After(string layer) => new(Name, Backend, [.. Layers.Skip(Find(layer) + 1)]) { Architecture = Architecture };

    /// <summary>The full name of a layer: <c>layer2</c> is the last of its blocks, <c>layer2.3</c>.</summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public string Resolve(string layer) => Layers[Find(layer)].Name;

    /// <summary>
    /// Writes the network on x's tape. Every layer's output carries the layer's name; where a convolution or linear layer and its ReLU
    /// become one line, that line carries the ReLU's.
    /// </summary>
    /// <param name="x">(N, H, W, C) its input.</param>
    /// <param name="fused">Units as one line each (fast), or as their parts (to study them, or under a <see cref="BackwardRule"/>).</param>
    /// <param name="trains">Whether the parameters want gradients.</param>
    /// <param name="visible">Full names of layers that must have a line of their own even where they could be fused.</param>
    /// <returns>The last layer's output, or x if there are no layers.</returns>
    public Value Record(Value x, bool fused = true, bool trains = false, IReadOnlyCollection<string>? visible = null)
    {
        var recording = new Recording(x.Tape, fused, trains);
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
    /// <exception cref="ShapeException">The input is too small, or of another kind.</exception>
    public Shape Output(Shape x)
    {
        using var tape = new Tape(Backend);
        return Record(tape.Constant(Tensor.WithoutData(x), "input")).Shape;
    }

    private int Find(string layer)
    {
        int found = Enumerable.Range(0, Layers.Count)
            .LastOrDefault(i => Layers[i].Name == layer || Layers[i].Name.StartsWith($"{layer}.", StringComparison.Ordinal), -1);
        if (found < 0)
        {
            throw new ArgumentException(
                $"{Name} has no layer '{layer}'. Its layers: {string.Join(", ", Layers.Select(l => l.Name))}.", nameof(layer));
        }
        while (found > 0 && Layers[found] is DropoutLayer)
            found--;
        return found;
    }
}
