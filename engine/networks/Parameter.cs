using Engine.Tensors;

namespace Engine.Networks;

/// <summary>A tensor that a network was trained to hold.</summary>
/// <param name="Name">Its key in torchvision's state dict; a folded batch norm is part of its convolution's weight and bias.</param>
/// <param name="Data">The numbers on the network's device: (K, R, S, C) for a convolution, (K, C) for a linear layer, (K) for a bias.</param>
public sealed record Parameter(string Name, Tensor Data);

/// <summary>A weight and its bias.</summary>
public sealed record ParameterPair(Parameter Weight, Parameter Bias)
{
    /// <summary>Output channels or features.</summary>
    public int Outputs => Weight.Data.Shape.N;
}

/// <summary>Where a network's numbers come from: a state dict that was read, or a generator before training.</summary>
public interface IParameterSource
{
    /// <summary>The convolution of that name, with the batch norm after it folded in.</summary>
    /// <param name="name">torchvision's module name: <c>layer1.0.conv1</c>.</param>
    /// <param name="norm">The batch norm's module name, or null if none follows.</param>
    /// <param name="kernel">Rows and columns of the window.</param>
    /// <param name="channels">Input channels.</param>
    /// <param name="outputs">Output channels in torchvision's network; a narrower network's source gives its own number.</param>
    ParameterPair Convolution(string name, string? norm, int kernel, int channels, int outputs);

    /// <summary>The linear layer of that name.</summary>
    /// <param name="name">torchvision's module name: <c>fc</c>.</param>
    /// <param name="input">The input (1, H, W, C), flattened in that order here and in C, H, W order in PyTorch's files.</param>
    /// <param name="outputs">Output features in torchvision's network.</param>
    ParameterPair Linear(string name, Shape input, int outputs);
}
