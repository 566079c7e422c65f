using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>One step of a network, with torchvision's module name.</summary>
/// <param name="Name">The name by which <see cref="Network.Until"/> and <see cref="Network.After"/> cut here.</param>
[DebuggerDisplay("{Shown,nq}")]
public abstract record Layer(string Name)
{
    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{Name}: {GetType().Name}{string.Concat(Parameters.Select(each => $", {each.Data.Shape}"))}";

    /// <summary>Its learnt parameters.</summary>
    public virtual IEnumerable<Parameter> Parameters => [];

    /// <summary>Whether the ReLU that follows can be recorded in the same line.</summary>
    public virtual bool TakesRelu => false;

    /// <summary>Records the layer on a tape.</summary>
    /// <param name="x">Its input.</param>
    /// <param name="recording">How to record it.</param>
    /// <param name="relu">Whether to record the ReLU that follows, too.</param>
    public abstract Value Record(Value x, Recording recording, bool relu = false);
}

/// <summary>How a network is recorded on a tape.</summary>
/// <param name="tape">The tape.</param>
/// <param name="fused">
/// Whether convolution, bias, residual and ReLU are one line (fast), or one line each (to study them, or to give one of them another rule).
/// </param>
/// <param name="trains">Whether the parameters get gradients.</param>
/// <param name="rounds">Whether activations have the element type of the device's activations, between float32 inputs and logits.</param>
public sealed class Recording(Tape tape, bool fused, bool trains, bool rounds = false)
{
    private readonly Dictionary<Parameter, Value> _leaves = [];

    /// <summary>Whether units are recorded as one line.</summary>
    public bool Fused => fused;

    /// <summary>A convolution's input in the element type of the recording.</summary>
    internal Value Activation(Value x) => rounds ? x.Rounded() : x;

    /// <summary>The parameter's leaf on the tape; layers that share a parameter share the leaf.</summary>
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
    public override Value Record(Value x, Recording recording, bool relu = false)
    {
        x = recording.Activation(x);
        bool subsamples = recording.Fused && x.Tape.Backend.PrefersSubsampling && Geometry is { Kernel: 1, Stride: > 1, Padding: 0 };
        return subsamples
            ? x.Subsample(Geometry.Stride).Named($"{Name}.input").Convolution(recording[Pair.Weight], new ConvGeometry(1), recording[Pair.Bias], relu: relu)
            : x.Convolution(recording[Pair.Weight], Geometry, recording[Pair.Bias], relu: relu);
    }
}

/// <summary>A linear layer with its bias; it flattens its input.</summary>
public sealed record LinearLayer(string Name, ParameterPair Pair) : Layer(Name)
{
    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [Pair.Weight, Pair.Bias];

    /// <inheritdoc/>
    public override bool TakesRelu => true;

    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) =>
        x.Widened().Linear(recording[Pair.Weight], recording[Pair.Bias], relu);
}

/// <summary>max(x, 0).</summary>
public sealed record ReluLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.Relu();
}

/// <summary>Dropout: the identity at inference, without a line on the tape. Cutting after it equals cutting before it.</summary>
public sealed record DropoutLayer(string Name) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x;
}

/// <summary>The maximum of each window.</summary>
public sealed record MaxPoolLayer(string Name, ConvGeometry Geometry) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.MaxPool(Geometry);
}

/// <summary>The mean over Size x Size bins, for any input size.</summary>
public sealed record AveragePoolLayer(string Name, int Size) : Layer(Name)
{
    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false) => x.AdaptiveAveragePool(Size, Size);
}

/// <summary>
/// A residual block: convolutions with ReLUs between them, plus the input (or a 1x1 convolution of it if the shape changes), then ReLU.
/// </summary>
/// <param name="Name">torchvision's name of the block.</param>
/// <param name="Branch">The convolutions, first to last.</param>
/// <param name="Shortcut">The 1x1 convolution of the input, or null if the input itself is added.</param>
public sealed record ResidualBlock(string Name, IReadOnlyList<ConvolutionLayer> Branch, ConvolutionLayer? Shortcut) : Layer(Name)
{
    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters =>
        [.. Branch.SelectMany(convolution => convolution.Parameters), .. Shortcut?.Parameters ?? []];

    /// <inheritdoc/>
    public override Value Record(Value x, Recording recording, bool relu = false)
    {
        x = recording.Activation(x);
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
