using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Weights;

/// <summary>
/// Visits a network's parameters without reading elements, and collects everything in the state dict that does not fit. The parameters that
/// it returns have shapes only.
/// </summary>
internal sealed class ParameterCheck(StateDict weights) : IParameterSource
{
    /// <summary>
    /// Stands for an extent that the tensors do not tell because they are missing or empty. A shape has no extent of 0, so it is 1; where
    /// nothing is missing, 1 is an extent like any other.
    /// </summary>
    private const int Unknown = 1;

    /// <summary>Lines of each kind in a message.</summary>
    private const int Listed = 10;

    private readonly HashSet<string> _asked = [];
    private readonly List<string> _missing = [], _misshapen = [];

    public ParameterPair Convolution(ConvolutionSpec wanted)
    {
        int found = Expect(wanted.Weight, wanted.Vectors, wanted.Channels, wanted.Kernel, wanted.Kernel);
        return ParameterPair.WithoutData(wanted.Name, new Shape(found, wanted.Kernel, wanted.Kernel, wanted.Channels));
    }

    public ParameterPair Linear(string name, Shape input, int outputs)
    {
        int found = Expect($"{name}.weight", [$"{name}.bias"], IsUnknown(input.C) ? Unknown : input.Count);
        return ParameterPair.WithoutData(name, new Shape(found, input.Count));
    }

    /// <exception cref="FileFormatException">Something was missing, misshapen, or is there and was not asked for.</exception>
    public void ThrowIfWrong(string architecture)
    {
        string[] unexpected = [.. weights.Entries.Where(entry => !_asked.Contains(entry.Name) && Matters(entry)).Select(entry => entry.Name)];
        if (_missing.Count + _misshapen.Count + unexpected.Length == 0)
            return;
        throw new FileFormatException(weights.Path,
            $"it does not fit {architecture}: {_missing.Count} tensors missing, {_misshapen.Count} misshapen, {unexpected.Length} unexpected",
            "Give a state dict with torchvision's names and shapes; `iba weights inspect` lists what a file holds.",
            details: [.. Section("missing", _missing), .. Section("misshapen", _misshapen), .. Section("unexpected", unexpected)]);
    }

    /// <summary>
    /// Whether an unknown tensor indicates another network. A layer's elements do; counts, flags, a scalar that belongs to no layer (a best
    /// accuracy), and element types with which no network here computes do not. A tensor without axes belongs to no layer: averaging
    /// checkpoints makes num_batches_tracked a floating point scalar.
    /// </summary>
    private static bool Matters(StateDictEntry entry) =>
        entry.Type.IsFloating && (entry.Count > 1 || (entry.Shape.Count > 0 && entry.Name.Contains('.')));

    private static IEnumerable<string> Section(string title, IReadOnlyCollection<string> lines) =>
    [
        .. lines.Take(Listed).Select(line => $"{title}: {line}"),
        .. lines.Count > Listed ? (string[])[$"{title}: {lines.Count - Listed} more"] : [],
    ];

    /// <summary>Checks a weight (outputs, rest) and vectors of its outputs, and returns how many outputs there are.</summary>
    private int Expect(string weight, IReadOnlyList<string> vectors, params int[] rest)
    {
        int outputs = ((string[])[weight, .. vectors])
            .Select(name => weights.TryGet(name, out StateDictEntry? entry) && entry.Shape is [> 0, ..] ? entry.Shape[0] : Unknown)
            .FirstOrDefault(extent => extent != Unknown, Unknown);
        Check(weight, [outputs, .. rest]);
        foreach (string vector in vectors)
            Check(vector, [outputs]);
        return outputs;
    }

    private void Check(string name, int[] shape)
    {
        _asked.Add(name);
        if (!weights.TryGet(name, out StateDictEntry? entry))
            _missing.Add(weights.LeftOut.FirstOrDefault(other => other.StartsWith($"{name} (", StringComparison.Ordinal)) ?? name);
        else if (!entry.Type.IsFloating)
            _misshapen.Add($"{entry} should hold floating point numbers");
        else if (entry.Shape.Count != shape.Length || !entry.Shape.Zip(shape).All(pair => Fits(pair.First, pair.Second)))
            _misshapen.Add($"{entry} should be ({string.Join(", ", shape.Select(extent => IsUnknown(extent) ? "any" : $"{extent}"))})");
    }

    private bool Fits(int found, int wanted) => found > 0 && (IsUnknown(wanted) || found == wanted);

    private bool IsUnknown(int extent) => extent == Unknown && _missing.Count > 0;
}
