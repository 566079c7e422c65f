using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>A learnt tensor of a network.</summary>
/// <param name="Name">Its key in torchvision's state dict; a folded batch norm is part of its convolution's weight and bias.</param>
/// <param name="Data">
/// The values on the network's device: (K, R, S, C) for a convolution, (K, C) for a linear layer, (K) for a bias.
/// </param>
public sealed record Parameter(string Name, Tensor Data);

/// <summary>A weight and its bias.</summary>
public sealed record ParameterPair(Parameter Weight, Parameter Bias)
{
    /// <summary>Output channels or features.</summary>
    public int Outputs => Weight.Data.Shape.N;

    /// <summary>A pair that has shapes and no memory, for code that only inspects a network.</summary>
    public static ParameterPair WithoutData(string name, Shape weight) => new(
        new Parameter($"{name}.weight", Tensor.WithoutData(weight)), new Parameter($"{name}.bias", Tensor.WithoutData(new Shape(weight.N))));
}

/// <summary>A convolution as an architecture requests it from a source of parameters.</summary>
/// <param name="Name">torchvision's module name: <c>layer1.0.conv1</c>.</param>
/// <param name="Kernel">Kernel size: rows and columns alike.</param>
/// <param name="Channels">Input channels.</param>
/// <param name="Outputs">Output channels in torchvision's network; the source of a narrower network decides differently.</param>
public sealed record ConvolutionSpec(string Name, int Kernel, int Channels, int Outputs)
{
    /// <summary>The module name of the batch norm that follows, or null if none does.</summary>
    public string? Norm { get; init; }

    /// <summary>Whether it has a bias of its own: true without a batch norm, and in VGGs also with one.</summary>
    public bool HasBias { get; init; }

    /// <summary>Whether it is the last of a residual branch, whose output is added to the shortcut.</summary>
    public bool EndsBranch { get; init; }

    /// <summary>The name of its weight in a state dict.</summary>
    public string Weight => $"{Name}.weight";

    /// <summary>The names of its other tensors in a state dict, each of shape (Outputs).</summary>
    public IReadOnlyList<string> Vectors =>
    [
        .. HasBias ? (string[])[$"{Name}.bias"] : [],
        .. Norm is null ? (string[])[] : [$"{Norm}.weight", $"{Norm}.bias", $"{Norm}.running_mean", $"{Norm}.running_var"],
    ];
}

/// <summary>Where a network's parameters come from: a state dict, or an initialisation before training.</summary>
public interface IParameterSource
{
    /// <summary>The parameters of a convolution, with the batch norm after it folded in.</summary>
    ParameterPair Convolution(ConvolutionSpec wanted);

    /// <summary>The parameters of the linear layer with that name.</summary>
    /// <param name="name">torchvision's module name: <c>fc</c>.</param>
    /// <param name="input">The input (1, H, W, C), flattened in that order here, and in C, H, W order in PyTorch's files.</param>
    /// <param name="outputs">Output features in torchvision's network.</param>
    ParameterPair Linear(string name, Shape input, int outputs);
}
