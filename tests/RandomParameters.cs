using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Tests;

/// <summary>
/// torchvision's networks at full width with weights drawn on the host from a seed: the same numbers on every device, and no file. Uniform, with
/// the variance that keeps activations at their size (2 / fan-in); branches of residual blocks are smaller, so that sixteen of them do not increase it.
/// </summary>
/// <param name="backend">Where they are to be.</param>
/// <param name="seed">Other seeds give other numbers.</param>
/// <param name="narrow">What the number of channels is divided by.</param>
internal sealed class RandomParameters(IBackend backend, int seed, int narrow = 1) : IParameterSource
{
    private readonly Random _random = new(seed);

    /// <inheritdoc/>
    public ParameterPair Convolution(ConvolutionSpec wanted) =>
        Pair(wanted.Name, new Shape(wanted.Outputs / narrow, wanted.Kernel, wanted.Kernel, wanted.Channels), wanted.EndsBranch ? 0.1 : 2);

    /// <inheritdoc/>
    public ParameterPair Linear(string name, Shape input, int outputs) => Pair(name, new Shape(outputs / narrow, input.Count), 2);

    private ParameterPair Pair(string name, Shape shape, double gain)
    {
        Tensor weight = Draw(shape, Math.Sqrt(3 * gain / shape.Row)), bias = Draw(new Shape(shape.N), 0.1);
        return new ParameterPair(new Parameter($"{name}.weight", weight), new Parameter($"{name}.bias", bias));
    }

    /// <summary>Uniform between -largest and largest.</summary>
    private Tensor Draw(Shape shape, double largest)
    {
        var numbers = new float[shape.Count];
        float scale = (float)(2 * largest);
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = (_random.NextSingle() - 0.5f) * scale;
        return backend.Tensor(shape, numbers);
    }
}
