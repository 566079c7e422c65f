using Iba.Engine.Tensors;

namespace Iba.Bottleneck;

/// <summary>A parameter of the readout in PyTorch's layout.</summary>
/// <param name="Name"><c>conv1.weight</c> to <c>conv3.bias</c>.</param>
/// <param name="Shape">O, I, 1, 1 or O.</param>
/// <param name="FanIn">The number of inputs of one output of its convolution.</param>
internal sealed record ReadoutEntry(string Name, int[] Shape, int FanIn);

/// <summary>
/// The parameters of the readout's three 1x1 convolutions, as a file has them and as they lie in memory. A file has PyTorch's six tensors.
/// In memory, the columns of conv1.weight are split by the layer that they read: a 1x1 convolution of resized features equals the resized
/// convolution of the features, so each part can run at its own layer's resolution (see <see cref="ReadoutNetwork"/>). K, 1, 1, C and O, I, 1, 1
/// have the same order of elements.
/// </summary>
internal sealed class ReadoutLayout
{
    private readonly int[] _columns;

    /// <param name="columns">The channels of each layer that is read; the bottleneck's layer comes first.</param>
    /// <param name="layers">The layers' names.</param>
    /// <param name="width">The width of the second convolution.</param>
    public ReadoutLayout(IReadOnlyList<int> columns, IReadOnlyList<string> layers, ReadoutWidth width)
    {
        _columns = [.. columns];
        int inputs = checked(_columns.Sum()), channels = _columns[0], hidden = Math.Max(inputs / 2, 1);
        int narrow = width == ReadoutWidth.A ? Math.Max(channels / 4, 1) : checked(2 * channels);
        Entries =
        [
            new("conv1.weight", [hidden, inputs, 1, 1], inputs),
            new("conv1.bias", [hidden], inputs),
            new("conv2.weight", [narrow, hidden, 1, 1], hidden),
            new("conv2.bias", [narrow], hidden),
            new("conv3.weight", [channels, narrow, 1, 1], narrow),
            new("conv3.bias", [channels], narrow),
        ];
        Parts =
        [
            .. layers.Zip(_columns, (layer, count) => ($"conv1.{layer}.weight", new Shape(hidden, 1, 1, count))),
            ("conv1.bias", new Shape(hidden)),
            ("conv2.weight", new Shape(narrow, 1, 1, hidden)),
            ("conv2.bias", new Shape(narrow)),
            ("conv3.weight", new Shape(channels, 1, 1, narrow)),
            ("conv3.bias", new Shape(channels)),
        ];
    }

    /// <summary>The six parameters.</summary>
    public IReadOnlyList<ReadoutEntry> Entries { get; }

    /// <summary>Names and shapes in memory: conv1.weight's parts, then the other five.</summary>
    public IReadOnlyList<(string Name, Shape Shape)> Parts { get; }

    /// <summary>The elements of a parameter, joined from its parts.</summary>
    /// <param name="entry">Its place among <see cref="Entries"/>.</param>
    /// <param name="parts">Returns the elements of a part by its index in <see cref="Parts"/>.</param>
    public float[] Join(int entry, Func<int, float[]> parts)
    {
        if (entry > 0)
            return parts(entry + _columns.Length - 1);
        (int rows, int inputs) = (Entries[0].Shape[0], Entries[0].Shape[1]);
        float[] joined = new float[rows * inputs];
        for (int part = 0, first = 0; part < _columns.Length; first += _columns[part++])
        {
            float[] numbers = parts(part);
            for (int row = 0; row < rows; row++)
                numbers.AsSpan(row * _columns[part], _columns[part]).CopyTo(joined.AsSpan(row * inputs + first));
        }
        return joined;
    }

    /// <summary>Splits a parameter's elements into its parts: the inverse of <see cref="Join"/>.</summary>
    public IEnumerable<(int Part, float[] Numbers)> Split(int entry, float[] numbers)
    {
        if (entry > 0)
        {
            yield return (entry + _columns.Length - 1, numbers);
            yield break;
        }
        (int rows, int inputs) = (Entries[0].Shape[0], Entries[0].Shape[1]);
        for (int part = 0, first = 0; part < _columns.Length; first += _columns[part++])
        {
            float[] columns = new float[rows * _columns[part]];
            for (int row = 0; row < rows; row++)
                numbers.AsSpan(row * inputs + first, _columns[part]).CopyTo(columns.AsSpan(row * _columns[part]));
            yield return (part, columns);
        }
    }
}
