using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Engine.Training;

/// <summary>The width of a network.</summary>
/// <param name="Divisor">torchvision's channels are divided by this.</param>
/// <param name="Hidden">Outputs of linear layers before the last.</param>
/// <param name="Classes">Outputs of the last layer.</param>
public sealed record NetworkWidth(int Divisor, int Hidden, int Classes);

/// <summary>
/// Initial parameters, without batch norm: weights normal with variance 2 / fan-in (He et al. 2015), so that ReLU layers preserve the scale
/// of activations, and biases 0. The last convolution of a residual branch is 0, so that every block starts as its shortcut and depth does
/// not harm early training (Zhang et al. 2019). The same seed gives the same bits on every device.
/// </summary>
public sealed class FreshParameters(IBackend backend, NetworkWidth width, ulong seed) : IParameterSource
{
    // The outputs of torchvision's last layers.
    private const int ImageNetClasses = 1000;

    private int _made;

    /// <inheritdoc/>
    public ParameterPair Convolution(ConvolutionSpec wanted)
    {
        int narrow = Math.Max(wanted.Outputs / width.Divisor, 1);
        return Pair(wanted.Name, new Shape(narrow, wanted.Kernel, wanted.Kernel, wanted.Channels), wanted.EndsBranch ? 0 : 2);
    }

    /// <inheritdoc/>
    public ParameterPair Linear(string name, Shape input, int outputs)
    {
        bool last = outputs == ImageNetClasses;
        return Pair(name, new Shape(last ? width.Classes : width.Hidden, input.Count), last ? 1 : 2);
    }

    /// <param name="name">The layer.</param>
    /// <param name="shape">The shape of its weight.</param>
    /// <param name="gain">The variance of the weights times fan-in.</param>
    private ParameterPair Pair(string name, Shape shape, double gain)
    {
        using var words = new TensorScope(backend);
        Tensor weight = backend.Allocate(shape), image = words.Upload([_made++], new Shape(1)), step = words.Allocate(new Shape(1));
        Tensor flat = weight.View(0, new Shape(1, 1, 1, shape.Count));
        backend.AddNoise(flat, new Noise(seed, image, step), (float)Math.Sqrt(gain / shape.Row), flat);
        return new ParameterPair(
            new Parameter($"{name}.weight", weight),
            new Parameter($"{name}.bias", backend.Allocate(new Shape(shape.N))));
    }
}
