using System.Globalization;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Weights;

/// <summary>
/// A network's parameters, read from a validated state dict: convolutions transposed from (K, C, R, S) to (K, R, S, C) with the batch norm
/// after them folded in, linear layers from (K, C H W) to (K, H W C). Elements pass through a buffer of a few megabytes.
/// </summary>
internal sealed class ParameterReader(StateDict weights, IBackend backend, CancellationToken cancel) : IParameterSource
{
    private const int BufferNumbers = 1 << 20;
    internal const double Epsilon = 1e-5;   // torchvision's batch norms keep PyTorch's default

    private readonly List<string> _notFinite = [];

    /// <summary>
    /// A line for each tensor with values that are not finite, in the file or after folding: its name, their number, and the first one.
    /// </summary>
    public IReadOnlyList<string> NotFinite => _notFinite;

    public ParameterPair Convolution(ConvolutionSpec wanted)
    {
        StateDictEntry weight = weights[wanted.Weight];
        float[] bias = wanted.HasBias ? Vector($"{wanted.Name}.bias") : new float[weight.Shape[0]];
        double[]? scale = null;
        if (wanted.Norm is not null)
            (scale, bias) = Fold(wanted.Norm, bias);
        var shape = new Shape(weight.Shape[0], wanted.Kernel, wanted.Kernel, wanted.Channels);
        return Pair(wanted.Name, Read(weight, shape, wanted.Channels, scale), bias);
    }

    public ParameterPair Linear(string name, Shape input, int outputs)
    {
        StateDictEntry weight = weights[$"{name}.weight"];
        return Pair(name, Read(weight, new Shape(weight.Shape[0], input.Count), input.C, scale: null), Vector($"{name}.bias"));
    }

    /// <summary>
    /// Batch norm at inference is y = γ (x + b - mean) / √(var + ε) + β, where b is the convolution's own bias: it scales the convolution's
    /// k-th output by γ / √(var + ε), and the bias becomes β + (b - mean) γ / √(var + ε). In double, because var can be tiny.
    /// </summary>
    private (double[] Scale, float[] Bias) Fold(string norm, float[] own)
    {
        int before = _notFinite.Count;
        float[] γ = Vector($"{norm}.weight"), β = Vector($"{norm}.bias");
        float[] mean = Vector($"{norm}.running_mean"), variance = Vector($"{norm}.running_var");
        double[] scale = [.. γ.Zip(variance, (g, v) => g / Math.Sqrt(v + Epsilon))];
        float[] bias = [.. β.Select((b, k) => (float)(b + ((double)own[k] - mean[k]) * scale[k]))];
        // A finite variance of at most -ε gives NaN or infinity; a tiny one, a bias beyond float32.
        if (_notFinite.Count == before)
        {
            Look($"{norm}.running_var", [.. scale.Select(factor => (float)factor)], ", as γ / √(running_var + ε)");
            if (_notFinite.Count == before)
                Look($"{norm}.bias", bias, ", once folded");
        }
        return (scale, bias);
    }

    private float[] Vector(string name)
    {
        float[] values = weights[name].Read(cancel);
        Look(name, values, "");
        return values;
    }

    /// <summary>Reads blocks of rows, transposes channels to the innermost axis and scales the k-th row.</summary>
    private Tensor Read(StateDictEntry entry, Shape shape, int channels, double[]? scale)
    {
        Tensor tensor = backend.Allocate(shape);
        int row = shape.Row, block = Math.Clamp(BufferNumbers / row, 1, shape.N);
        float[] turned = new float[block * row];
        NonFinite read = default, folded = default;
        for (int first = 0; first < shape.N; first += block)
        {
            cancel.ThrowIfCancellationRequested();
            int rows = Math.Min(block, shape.N - first);
            float[] numbers = entry.ReadRows(first, rows, cancel);
            for (int k = 0; k < rows; k++)
                Turn(numbers.AsSpan(k * row, row), turned.AsSpan(k * row, row), channels, scale?[first + k] ?? 1);
            read = read.With(numbers, (long)first * row);
            folded = folded.With(turned.AsSpan(0, rows * row), (long)first * row);
            backend.Upload(turned.AsSpan(0, rows * row), tensor.Rows(first, rows));
        }
        // Values that are not finite in the file, or were scaled by such a value, are reported already.
        if (read.Count > 0)
            Report(entry.Name, read, "");
        else if (scale is null || scale.All(factor => float.IsFinite((float)factor)))
            Report(entry.Name, folded, ", once folded");
        return tensor;
    }

    private void Look(string name, ReadOnlySpan<float> values, string how) => Report(name, default(NonFinite).With(values, 0), how);

    private void Report(string name, NonFinite found, string how)
    {
        if (found.Count > 0)
            _notFinite.Add($"{name}: {found}{how}");
    }

    /// <summary>Transposes (C, plane) to (plane, C), times a factor.</summary>
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

    /// <summary>Values that are not finite: their number, the index of the first in C order, and its value.</summary>
    private readonly record struct NonFinite(long Count, long First, float Value)
    {
        /// <summary>Merged with those of the tensor's next part, which starts at index <paramref name="from"/>.</summary>
        public NonFinite With(ReadOnlySpan<float> values, long from)
        {
            NonFinite all = this;
            for (int i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i]))
                    all = all.Count == 0 ? new NonFinite(1, from + i, values[i]) : all with { Count = all.Count + 1 };
            }
            return all;
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count} not finite, the first at index {First} is {Value}");
    }
}
