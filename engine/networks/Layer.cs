using Engine.Autograd;
using Engine.Ops;
using Engine.Tensors;

namespace Engine.Networks;

/// <summary>One step of a network, under torchvision's module name.</summary>
/// <param name="Name">The name by which <see cref="Network.Until"/> and <see cref="Network.After"/> cut there.</param>
public abstract record Layer(string Name)
{
    /// <summary>What it was trained to hold.</summary>
    public virtual IEnumerable<Parameter> Parameters => [];

    /// <summary>Whether a ReLU that follows can be recorded in the same line.</summary>
    public virtual bool TakesRelu => false;

    /// <summary>Writes the layer down.</summary>
    /// <param name="x">Its input.</param>
    /// <param name="recording">How to write it.</param>
    /// <param name="relu">Whether to record the ReLU that follows, too.</param>
    public abstract Value Record(Value x, Recording recording, bool relu = false);
}

/// <summary>How a network is written on a tape.</summary>
/// <param name="tape">The tape.</param>
/// <param name="fused">Convolution, bias, residual and ReLU as one line (fast), or each as its own (to study, or to give one another rule).</param>
/// <param name="trains">Whether the parameters want gradients.</param>
public sealed class Recording(Tape tape, bool fused, bool trains)
{
    private readonly Dictionary<Parameter, Value> _leaves = [];

    /// <summary>Whether units are recorded as one line.</summary>
    public bool Fused => fused;

    /// <summary>The parameter's leaf on the tape, the same for every layer that shares it.</summary>
    public Value this[Parameter parameter]
    {
        get
        {
            if (!_leaves.TryGetValue(parameter, out Value? leaf))
                _leaves[parameter] = leaf = trains ? tape.Variable(parameter.Data, parameter.Name) : tape.Constant(parameter.Data, parameter.Name);
            return leaf;
        }
    }
}

/// <summary>A convolution with its bias.</summary>
public sealed record ConvolutionLayer(string Name, ParameterPair Pair, ConvGeometry Geometry) : Layer(Name)
{
    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [Pair.Weight, Pair.Bias];

    /// <inheritdoc/>
    public override bool TakesRelu => true;

    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) =>
        x.Convolution(recording[Pair.Weight], Geometry, recording[Pair.Bias], relu: relu);
}

/// <summary>A linear layer with its bias; it flattens its input.</summary>
public sealed record LinearLayer(string Name, ParameterPair Pair) : Layer(Name)
{
    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [Pair.Weight, Pair.Bias];

    /// <inheritdoc/>
    public override bool TakesRelu => true;

    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.Linear(recording[Pair.Weight], recording[Pair.Bias], relu);
}

/// <summary>max(x, 0).</summary>
public sealed record ReluLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.Relu();
}

/// <summary>Dropout, which does nothing at inference and has no line on a tape: cutting after it is cutting before it.</summary>
public sealed record DropoutLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x;
}

/// <summary>The largest number in each window.</summary>
public sealed record MaxPoolLayer(string Name, ConvGeometry Geometry) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.MaxPool(Geometry);
}

/// <summary>The mean over Size x Size bins, whatever the input's size.</summary>
public sealed record AveragePoolLayer(string Name, int Size) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.AdaptiveAveragePool(Size, Size);
}

/// <summary>
/// A residual block: convolutions with a ReLU between them, added to the input (or to a 1x1 convolution of it where the shape changes),
/// then ReLU.
/// </summary>
/// <param name="Name">torchvision's name of the block.</param>
/// <param name="Branch">The convolutions, first to last.</param>
/// <param name="Shortcut">The 1x1 convolution of the input, or null where the input itself is added.</param>
public sealed record ResidualBlock(string Name, IReadOnlyList<ConvolutionLayer> Branch, ConvolutionLayer? Shortcut) : Layer(Name)
{
    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters =>
        [.. Branch.SelectMany(convolution => convolution.Parameters), .. Shortcut?.Parameters ?? []];

    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false)
    {
        Value identity = Shortcut is null ? x : Shortcut.Record(x, recording).Named(Shortcut.Name);
        Value inner = Branch.SkipLast(1).Aggregate(x, Unit);
        ConvolutionLayer last = Branch[^1];
        if (recording.Fused)
            return inner.Convolution(recording[last.Pair.Weight], last.Geometry, recording[last.Pair.Bias], identity, relu: true);

        return (last.Record(inner, recording).Named(last.Name) + identity).Named($"{Name}.add").Relu();

        Value Unit(Value input, ConvolutionLayer layer) => recording.Fused
            ? layer.Record(input, recording, relu: true).Named($"{layer.Name}.relu")
            : layer.Record(input, recording).Named(layer.Name).Relu().Named($"{layer.Name}.relu");
    }
}
