using Iba.Engine;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba.Statistics;

/// <summary>What features are features of.</summary>
/// <param name="Network">The architecture: <c>resnet50</c>.</param>
/// <param name="Layer">The layer's full name: <c>layer2.3</c>.</param>
/// <param name="Shape">(1, H, W, C) of one image's features.</param>
/// <param name="WeightsSha256">SHA-256 of the weights file in hexadecimal, or empty where unknown.</param>
public sealed record FeatureOrigin(string Network, string Layer, Shape Shape, string WeightsSha256)
{
    /// <summary>How the photos were prepared, in <see cref="Preprocessing"/>'s own words; empty where unknown.</summary>
    public string Preprocessing { get; init; } = "";

    /// <summary>Whether a text is a SHA-256 in hexadecimal, or empty.</summary>
    internal static bool IsHash(string text) => text == "" || text.Length == 64 && text.All(char.IsAsciiHexDigit);

    /// <summary>The beginning of a hash, for a message.</summary>
    internal static string Short(string hash) => hash[..Math.Min(hash.Length, 8)];

    /// <summary>The features of a network at a layer. A linear layer's K outputs are taken for a map of one cell, (1, 1, 1, K).</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="layer">The layer's name; <c>layer2</c> stands for its last block.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, or empty where unknown.</param>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    public static FeatureOrigin Of(Network network, string layer, Shape image, string weightsSha256)
    {
        Shape shape = network.Until(layer).Output(image.WithN(1));
        return new FeatureOrigin(network.Name, network.Resolve(layer), shape.Rank == 4 ? shape : new Shape(1, 1, 1, shape.Row), weightsSha256);
    }
}

/// <summary>
/// How the features of one layer are distributed over images, neuron by neuron (paper section 3.1: μ_R, σ_R). Noise is drawn from it,
/// and information is measured against it.
/// </summary>
/// <param name="Origin">What the features are features of.</param>
/// <param name="Samples">Images seen.</param>
/// <param name="Mean">Mean of each neuron, in H, W, C order.</param>
/// <param name="Std">Standard deviation, divisor N - 1.</param>
/// <param name="Rms">Root mean square over the images in which the neuron was not 0: the spread that the paper's own code took on ResNet-50.</param>
/// <param name="Nonzero">Share of the images in which the neuron was not 0.</param>
public sealed record FeatureStatistics(FeatureOrigin Origin, long Samples, float[] Mean, float[] Std, float[] Rms, float[] Nonzero)
{
    /// <summary>Metadata name of how the photos were prepared.</summary>
    internal const string PreprocessingKey = "preprocessing";

    /// <summary>Fewer images than this give a mask that follows the accidents of the sample; the reference warns there, too.</summary>
    public const int EnoughSamples = 1000;

    /// <summary>Images to estimate from unless another number is given.</summary>
    public const int UsualSamples = 10_000;

    /// <summary>Whether there were too few images to trust the numbers.</summary>
    public bool IsScarce => Samples < EnoughSamples;

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="StatisticsException">It is no statistics file.</exception>
    /// <exception cref="FileFormatException">It is no safetensors file.</exception>
    public static FeatureStatistics Load(string path, CancellationToken cancel = default)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, cancel);
        return Read(file, null);
    }

    /// <summary>Writes everything to a safetensors file, at once or not at all. The same statistics give the same bytes.</summary>
    public void Save(string path) => SafetensorsFile.Write(
        path,
        [.. Tensors()],
        new Dictionary<string, string>
        {
            ["about"] = "feature statistics per neuron, H x W x C: mean, standard deviation (N-1), root mean square where not 0, share of images where not 0",
            ["network"] = Origin.Network,
            ["layer"] = Origin.Layer,
            ["samples"] = Samples.ToString(),
            ["weights_sha256"] = Origin.WeightsSha256,
            [PreprocessingKey] = Origin.Preprocessing,
        },
        withChecksum: true);

    /// <summary>The numbers, H x W x C each.</summary>
    /// <param name="prefix">Before every name, where a file holds more than one layer.</param>
    internal IEnumerable<SafetensorsTensor> Tensors(string prefix = "")
    {
        int[] shape = [.. Origin.Shape.Dims[1..]];
        return
        [
            new($"{prefix}mean", shape, Mean), new($"{prefix}std", shape, Std),
            new($"{prefix}rms", shape, Rms), new($"{prefix}nonzero", shape, Nonzero),
        ];
    }

    /// <summary>Reads one layer's numbers.</summary>
    /// <param name="file">Its metadata name the network, the weights and the number of samples.</param>
    /// <param name="layer">The layer, or null for the one that the metadata name.</param>
    /// <param name="prefix">Before every name.</param>
    internal static FeatureStatistics Read(SafetensorsFile file, string? layer, string prefix = "")
    {
        string[] wanted = [$"{prefix}mean", $"{prefix}std", $"{prefix}rms", $"{prefix}nonzero"];
        if (wanted.FirstOrDefault(name => !file.TryGet(name, out _)) is { } missing)
            throw new StatisticsException(file.Path, $"it is no statistics file: it has no tensor '{missing}'", "Make one with: iba estimate --images DIR --out FILE");
        int[] shape = file[wanted[0]].Shape;
        if (shape.Length != 3 || shape.Any(extent => extent < 1) || wanted.Any(name => !file[name].Shape.AsSpan().SequenceEqual(shape)))
            throw new StatisticsException(file.Path, $"it is damaged: its tensors must all be H x W x C of one layer", "Make it again with: iba estimate --images DIR --out FILE");

        var origin = new FeatureOrigin(Metadata("network"), layer ?? Metadata("layer"), new Shape([1, .. shape]), Metadata("weights_sha256"))
        {
            // Files of earlier releases do not say it.
            Preprocessing = file.Metadata.GetValueOrDefault(PreprocessingKey, ""),
        };
        if (!long.TryParse(Metadata("samples"), out long samples) || samples < 2)
            throw new StatisticsException(file.Path, $"it is damaged: its sample count '{Metadata("samples")}' is no number above 1", "Make it again with: iba estimate --images DIR --out FILE");
        if (!FeatureOrigin.IsHash(origin.WeightsSha256))
            throw new StatisticsException(file.Path, $"it is damaged: its weights_sha256 '{origin.WeightsSha256}' is no SHA-256 of 64 hexadecimal digits", "Make it again with: iba estimate --images DIR --out FILE");
        var statistics = new FeatureStatistics(
            origin, samples, file.ReadFloats(wanted[0]), file.ReadFloats(wanted[1]), file.ReadFloats(wanted[2]), file.ReadFloats(wanted[3]));
        if (statistics.Mistake(prefix) is { } mistake)
            throw new StatisticsException(file.Path, $"it is damaged: {mistake}", "Make it again with: iba estimate --images DIR --out FILE");
        return statistics;

        string Metadata(string key) => file.Metadata.TryGetValue(key, out string? value)
            ? value
            : throw new StatisticsException(file.Path, $"it does not say its {key}, so it is no statistics file of this program", "Make one with: iba estimate --images DIR --out FILE");
    }

    /// <summary>The first number that no features have, in words; null where there is none. A neuron that never varies has a spread of 0.</summary>
    /// <param name="prefix">Before every name.</param>
    internal string? Mistake(string prefix = "")
    {
        (string Name, float[] Numbers, float Least, float Most, string Range)[] all =
        [
            ("mean", Mean, float.MinValue, float.MaxValue, "finite"), ("std", Std, 0, float.MaxValue, "finite, and 0 or above"),
            ("rms", Rms, 0, float.MaxValue, "finite, and 0 or above"), ("nonzero", Nonzero, 0, 1, "a share, 0 to 1"),
        ];
        foreach ((string name, float[] numbers, float least, float most, string range) in all)
        {
            if (numbers.Length != Origin.Shape.Count)
                return $"tensor '{prefix}{name}' has {numbers.Length} numbers, and layer {Origin.Layer} has {Origin.Shape.Count} neurons";
            if (numbers.AsSpan().IndexOfAnyExceptInRange(least, most) is >= 0 and var at)
            {
                (int cell, int channel) = Math.DivRem(at, Origin.Shape.C);
                return $"tensor '{prefix}{name}' is {numbers[at]} at ({cell / Origin.Shape.W}, {cell % Origin.Shape.W}, {channel}); it must be {range}";
            }
        }
        return null;
    }

    /// <summary>Refuses to be used for features of another kind.</summary>
    /// <exception cref="StatisticsException">They belong to another network, layer, size of image or weights.</exception>
    public void MustFit(FeatureOrigin features)
    {
        if (Mistake() is { } mistake)
            throw new StatisticsException("the statistics", $"they are damaged: {mistake}", "Estimate them again with: iba estimate --images DIR --out FILE");
        if (Difference(features) is { } reason)
            throw new StatisticsException("the statistics", $"they are of {reason}", "Estimate them again with: iba estimate --images DIR --out FILE");
    }

    /// <summary>Rejects samples that were prepared differently from the photos of the statistics; see <see cref="MustBeOf(Preprocessing)"/>.</summary>
    /// <exception cref="StatisticsException">One was.</exception>
    internal void MustBeOf(IReadOnlyList<Sample> samples)
    {
        foreach (Sample sample in samples)
        {
            if (sample.Preprocessing is { } preprocessing)
                MustBeOf(preprocessing);
        }
    }

    /// <summary>Refuses to be used for photos that were prepared otherwise. Statistics that do not say how are taken for any.</summary>
    /// <exception cref="StatisticsException">They were; the message names both.</exception>
    public void MustBeOf(Preprocessing preprocessing)
    {
        if (Origin.Preprocessing != "" && Origin.Preprocessing != preprocessing.ToString())
        {
            throw new StatisticsException(
                "the statistics", $"they are of photos prepared by {Origin.Preprocessing}, and this photo was prepared by {preprocessing}",
                "Prepare photos as the statistics have it, or estimate them again with: iba estimate --images DIR --out FILE");
        }
    }

    /// <summary>In what these statistics are not those of some features, in words; null if they are.</summary>
    public string? Difference(FeatureOrigin features) =>
        Origin.Network != features.Network ? $"network {Origin.Network}, not {features.Network}" :
        Origin.Layer != features.Layer ? $"layer {Origin.Layer}, not {features.Layer}" :
        Origin.Shape != features.Shape ? $"features {Origin.Shape}, not {features.Shape}: images of another size, or a network of another width" :
        Origin.WeightsSha256 != "" && features.WeightsSha256 != "" && Origin.WeightsSha256 != features.WeightsSha256
            ? $"weights {FeatureOrigin.Short(Origin.WeightsSha256)}..., not {FeatureOrigin.Short(features.WeightsSha256)}..." : null;
}

/// <summary>Statistics that cannot be used, and why.</summary>
/// <param name="subject">The file, or the statistics.</param>
/// <param name="reason">What is wrong with them.</param>
/// <param name="remedy">The next step.</param>
public sealed class StatisticsException(string subject, string reason, string remedy) : IbaException(subject, reason, remedy);
