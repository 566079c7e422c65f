using Engine.Backends;
using Engine.Networks;
using Engine.Tensors;

namespace Weights;

/// <summary>
/// A network's parameters, read from a state dict that was checked: convolutions turned from (K, C, R, S) to (K, R, S, C) with the
/// batch norm after them folded in, linear layers from (K, C H W) to (K, H W C). Numbers pass through a buffer of a few megabytes.
/// </summary>
internal sealed class ParameterReader(StateDict weights, IBackend backend) : IParameterSource
{
    private const int BufferNumbers = 1 << 20;
    internal const double Epsilon = 1e-5;   // torchvision's batch norms keep PyTorch's default

    public ParameterPair Convolution(ConvolutionSpec wanted)
    {
        StateDictEntry weight = weights[wanted.Weight];
        float[] bias = wanted.HasBias ? weights[$"{wanted.Name}.bias"].Read() : new float[weight.Shape[0]];
        double[]? scale = null;
        if (wanted.Norm is not null)
            (scale, bias) = Fold(wanted.Norm, bias);
        var shape = new Shape(weight.Shape[0], wanted.Kernel, wanted.Kernel, wanted.Channels);
        return Pair(wanted.Name, Read(weight, shape, wanted.Channels, scale), bias);
    }

    public ParameterPair Linear(string name, Shape input, int outputs)
    {
        StateDictEntry weight = weights[$"{name}.weight"];
        return Pair(name, Read(weight, new Shape(weight.Shape[0], input.Count), input.C, scale: null), weights[$"{name}.bias"].Read());
    }

    /// <summary>
    /// Batch norm at inference is y = γ (x + b - mean) / √(var + ε) + β, b the convolution's own bias: it scales the convolution's k-th
    /// output by γ / √(var + ε) and leaves β + (b - mean) γ / √(var + ε) as the bias. In double, because var can be tiny.
    /// </summary>
    private (double[] Scale, float[] Bias) Fold(string norm, float[] own)
    {
        float[] γ = weights[$"{norm}.weight"].Read(), β = weights[$"{norm}.bias"].Read();
        float[] mean = weights[$"{norm}.running_mean"].Read(), variance = weights[$"{norm}.running_var"].Read();
        double[] scale = [.. γ.Zip(variance, (g, v) => g / Math.Sqrt(v + Epsilon))];
        return (scale, [.. β.Select((b, k) => (float)(b + ((double)own[k] - mean[k]) * scale[k]))]);
    }

    /// <summary>Reads block after block of rows, turns channels to the inside and scales the k-th row.</summary>
    private Tensor Read(StateDictEntry entry, Shape shape, int channels, double[]? scale)
    {
        Tensor tensor = backend.Allocate(shape);
        int row = shape.Row, block = Math.Clamp(BufferNumbers / row, 1, shape.N);
        float[] turned = new float[block * row];
        for (int first = 0; first < shape.N; first += block)
        {
            int rows = Math.Min(block, shape.N - first);
            float[] numbers = entry.ReadRows(first, rows);
            for (int k = 0; k < rows; k++)
                Turn(numbers.AsSpan(k * row, row), turned.AsSpan(k * row, row), channels, scale?[first + k] ?? 1);
            backend.Upload(turned.AsSpan(0, rows * row), tensor.Rows(first, rows));
        }
        return tensor;
    }

    /// <summary>(C, plane) to (plane, C), times a factor.</summary>
    private static void Turn(ReadOnlySpan<float> from, Span<float> to, int channels, double factor)
    {
        int plane = from.Length / channels;
        for (int c = 0; c < channels; c++)
        {
            for (int at = 0; at < plane; at++)
                to[at * channels + c] = (float)(factor * from[c * plane + at]);
        }
    }

    private ParameterPair Pair(string name, Tensor weight, float[] bias)
    {
        Tensor tensor = backend.Allocate(new Shape(bias.Length));
        backend.Upload(bias, tensor);
        return new ParameterPair(new Parameter($"{name}.weight", weight), new Parameter($"{name}.bias", tensor));
    }
}
