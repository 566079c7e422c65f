using System.Globalization;
using System.Numerics;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>
/// A readout in a .safetensors file: conv1.weight to conv3.bias as PyTorch has them (O x I x 1 x 1 and O), the statistics of every layer
/// that is read (<c>layer1.2.mean</c>, H x W x C), and as metadata the network, its weights' hash and every setting. A file that training
/// wrote also holds Adam's state, so that training can resume from it.
/// </summary>
public static class ReadoutFile
{
    private const string StepsKey = "steps";

    /// <summary>Writes a readout, atomically. The same readout gives the same bytes.</summary>
    public static void Write(string path, ReadoutNetwork readout) => Write(path, readout, [], new Dictionary<string, string>());

    /// <summary>Reads a readout.</summary>
    /// <param name="source">The file.</param>
    /// <param name="backend">The device of its parameters.</param>
    /// <exception cref="FileFormatException">It is not a readout.</exception>
    /// <exception cref="StatisticsException">Its statistics are damaged.</exception>
    public static ReadoutNetwork Read(FileSource source, IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(source);
        return Read(file, backend);
    }

    /// <summary>Reads a readout from an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="backend">Where it shall live.</param>
    /// <exception cref="FileFormatException">It is not a readout.</exception>
    /// <exception cref="StatisticsException">Its statistics are damaged.</exception>
    public static ReadoutNetwork Read(SafetensorsFile file, IBackend backend)
    {
        (ReadoutSettings settings, long steps) = Settings(file);
        StatisticsSet statistics = StatisticsSet.Read(file);
        // Every shape is compared with the file's contents before memory is allocated.
        ReadoutLayout layout = Try(file, () => ReadoutNetwork.LayoutOf(statistics, settings.Width));
        foreach (ReadoutEntry entry in layout.Entries)
            MustHold(file, entry.Name, entry.Shape);

        var readout = new ReadoutNetwork(backend, statistics, settings) { Steps = steps };
        Read(file, readout, "", [.. readout.Parameters.Select(parameter => parameter.Data)]);
        return readout;
    }

    /// <summary>Writes a readout and the state of its training.</summary>
    /// <param name="path">The file.</param>
    /// <param name="readout">The readout.</param>
    /// <param name="state">Sets of tensors with the parameters' layout, each under its prefix.</param>
    /// <param name="facts">Additional metadata.</param>
    internal static void Write(
        string path, ReadoutNetwork readout, IReadOnlyList<(string Prefix, IReadOnlyList<Tensor> Tensors)> state, IReadOnlyDictionary<string, string> facts)
    {
        (string, IReadOnlyList<Tensor>)[] sets = [("", [.. readout.Parameters.Select(parameter => parameter.Data)]), .. state];
        Dictionary<string, string> metadata = readout.Statistics.Metadata;
        foreach ((string key, string value) in Facts(readout).Concat(facts))
            metadata[key] = value;
        IEnumerable<SafetensorsTensor> tensors = sets.SelectMany(set => Tensors(readout, set.Item1, set.Item2));
        foreach ((_, IReadOnlyList<Tensor> own) in sets)
        {
            // A file that training goes on from is better than one of parameters that it just lost.
            if (own.Any(tensor => NonFiniteException.FirstIn(readout.Backend.Read(tensor)) is not null))
                throw new DivergenceException();
        }
        SafetensorsFile.Write(path, [.. tensors, .. readout.Statistics.Tensors], metadata, withChecksum: true);
    }

    /// <summary>Reads a set of tensors with the parameters' layout.</summary>
    internal static void Read(SafetensorsFile file, ReadoutNetwork readout, string prefix, IReadOnlyList<Tensor> tensors)
    {
        for (int entry = 0; entry < readout.Layout.Entries.Count; entry++)
        {
            string name = prefix + readout.Layout.Entries[entry].Name;
            MustHold(file, name, readout.Layout.Entries[entry].Shape);
            float[] numbers = file.ReadFloats(name);
            if (NonFiniteException.FirstIn(numbers) is { } at)
                throw Damaged(file, $"tensor '{name}' is {numbers[at]} at {at}; it must be finite");
            readout.Upload(entry, numbers, tensors);
        }
    }

    /// <summary>The error that the file is not a readout.</summary>
    internal static FileFormatException Damaged(SafetensorsFile file, string reason, Exception? inner = null) =>
        new(file.Path, reason, "Choose a file made by: iba readout train --images DIR --out FILE", inner);

    private static IEnumerable<SafetensorsTensor> Tensors(ReadoutNetwork readout, string prefix, IReadOnlyList<Tensor> tensors) =>
        readout.Layout.Entries.Select((entry, i) => new SafetensorsTensor($"{prefix}{entry.Name}", entry.Shape, readout.Download(i, tensors)));

    private static void MustHold(SafetensorsFile file, string name, int[] shape)
    {
        if (!file.TryGet(name, out SafetensorsEntry? entry))
            throw Damaged(file, $"it is not a readout: it has no tensor named '{name}'");
        if (!entry.Shape.AsSpan().SequenceEqual(shape))
            throw Damaged(file, $"tensor {entry} should be {string.Join(" x ", shape)}, according to its width and its layers");
    }

    private static Dictionary<string, string> Facts(ReadoutNetwork readout) => new(readout.Settings.Facts)
    {
        ["about"] = "readout bottleneck: three 1x1 convolutions from standardised features to alpha; statistics per neuron, H x W x C",
        [StepsKey] = readout.Steps.ToString(CultureInfo.InvariantCulture),
    };

    private static (ReadoutSettings Settings, long Steps) Settings(SafetensorsFile file) => Try(file, () =>
    {
        var settings = new ReadoutSettings
        {
            Width = Enum.GetNames<ReadoutWidth>().Contains(Fact("width"))
                ? Enum.Parse<ReadoutWidth>(Fact("width"))
                : throw Damaged(file, $"its width '{Fact("width")}' is neither A nor B"),
            Beta = Number<float>("beta"),
            LearningRate = Number<double>("learning_rate"),
            Batch = Number<int>("batch"),
            Sigma = Number<double>("sigma"),
            AlphaBound = Number<float>("alpha_bound"),
            MinimumStd = Number<float>("minimum_std"),
            ActiveThreshold = Number<float>("active_threshold"),
            Clamp = Fact("clamp") switch { "true" => true, "false" => false, var odd => throw Damaged(file, $"its clamp '{odd}' is neither true nor false") },
            Seed = Number<ulong>("seed"),
        };
        settings.Check();
        long steps = Number<long>(StepsKey);
        return steps >= 0 ? (settings, steps) : throw Damaged(file, $"its {StepsKey} are {steps}");

        // Without a style, "0,5" would be 5.
        T Number<T>(string key) where T : INumberBase<T> => T.TryParse(Fact(key), NumberStyles.Float, CultureInfo.InvariantCulture, out T? number)
            ? number
            : throw Damaged(file, $"its {key} '{Fact(key)}' is not a number");

        string Fact(string key) => file.Metadata.TryGetValue(key, out string? fact)
            ? fact
            : throw Damaged(file, $"it is not a readout: its metadata have no '{key}'");
    });

    /// <summary>Settings out of range are reported as damage of the file, not as a mistake of the caller.</summary>
    private static T Try<T>(SafetensorsFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is ArgumentException or OverflowException)
        {
            throw Damaged(file, failure.Message.TrimEnd('.'), failure);
        }
    }
}
