using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Weights;

/// <summary>
/// Writes a network's parameters as a state dict with torchvision's names and layouts: the inverse of <see cref="ParameterReader"/>.
/// A folded batch norm is written as one that only adds its bias: weight 1, mean 0, and a variance that gives 1 with ε added.
/// The writer acts as a source of parameters for the architecture, which alone knows which norm follows which convolution.
/// </summary>
public sealed class ParameterWriter : IParameterSource
{
    private readonly Network _network;
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly List<SafetensorsTensor> _tensors = [];
    private readonly ElementType _type;
    private readonly string _path;

    private ParameterWriter(Network network, string path, ElementType type)
    {
        (_network, _path, _type) = (network, path, type);
        _parameters = network.Parameters.ToDictionary(parameter => parameter.Name);
        Architecture.Named(network.Name).Build(network.Backend, this);
    }

    /// <summary>Writes a whole network.</summary>
    /// <param name="network">The network, with all of its layers.</param>
    /// <param name="path">The file, which is written atomically.</param>
    /// <param name="type">The type of weights and biases: F32, or F16 for half the size and about three digits. Batch norms are always
    /// F32.</param>
    /// <param name="metadata">Keys and values for the file's header.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileFormatException">A value is beyond the range of half precision.</exception>
    public static void Write(
        Network network, string path, ElementType type = ElementType.F32, IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancel = default)
    {
        if (type is not (ElementType.F32 or ElementType.F16))
            throw new ArgumentException($"weights are written as F32 or F16, not {type}", nameof(type));
        SafetensorsFile.Write(path, new ParameterWriter(network, path, type)._tensors, metadata, cancel: cancel);
    }

    /// <inheritdoc/>
    ParameterPair IParameterSource.Convolution(ConvolutionSpec wanted)
    {
        ParameterPair pair = Pair(wanted.Name);
        int count = pair.Outputs;
        Add(wanted.Weight, [count, wanted.Channels, wanted.Kernel, wanted.Kernel], _type, Turned(pair.Weight, wanted.Channels));
        if (wanted.HasBias)
            Add($"{wanted.Name}.bias", [count], _type, wanted.Norm is null ? Numbers(pair.Bias) : Constant(0f));
        if (wanted.Norm is not { } norm)
            return pair;
        Add($"{norm}.weight", [count], ElementType.F32, Constant(1f));
        Add($"{norm}.bias", [count], ElementType.F32, Numbers(pair.Bias));
        Add($"{norm}.running_mean", [count], ElementType.F32, Constant(0f));
        Add($"{norm}.running_var", [count], ElementType.F32, Constant((float)(1 - ParameterReader.Epsilon)));
        return pair;

        float[] Constant(float value) => [.. Enumerable.Repeat(value, count)];
    }

    /// <inheritdoc/>
    ParameterPair IParameterSource.Linear(string name, Shape input, int outputs)
    {
        ParameterPair pair = Pair(name);
        Add($"{name}.weight", [pair.Outputs, input.Count], _type, Turned(pair.Weight, input.C));
        Add($"{name}.bias", [pair.Outputs], _type, Numbers(pair.Bias));
        return pair;
    }

    private ParameterPair Pair(string name) => new(_parameters[$"{name}.weight"], _parameters[$"{name}.bias"]);

    private void Add(string name, int[] shape, ElementType type, float[] values) => _tensors.Add(type == ElementType.F32
        ? new SafetensorsTensor(name, shape, values)
        : new SafetensorsTensor(name, type, shape, () => Conversion.Halves(_path, name, values)));

    private float[] Numbers(Parameter parameter) => _network.Backend.Read(parameter.Data);

    /// <summary>Transposes every output's (plane, C) to (C, plane).</summary>
    private float[] Turned(Parameter weight, int channels)
    {
        float[] from = Numbers(weight), to = new float[from.Length];
        int row = weight.Data.Shape.Row, plane = row / channels;
        for (int i = 0; i < from.Length; i++)
        {
            (int k, int at) = Math.DivRem(i, row);
            to[k * row + at % channels * plane + at / channels] = from[i];
        }
        return to;
    }
}
