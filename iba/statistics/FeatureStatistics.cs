using Iba.Engine;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba.Statistics;

/// <summary>The origin of features: network, layer, shape, weights and preparation of the photos.</summary>
/// <param name="Network">The architecture: <c>resnet50</c>.</param>
/// <param name="Layer">The layer's full name: <c>layer2.3</c>.</param>
/// <param name="Shape">(1, H, W, C) of one image's features.</param>
/// <param name="WeightsSha256">SHA-256 of the weights file in hexadecimal, or empty if unknown.</param>
public sealed record FeatureOrigin(string Network, string Layer, Shape Shape, string WeightsSha256)
{
    /// <summary>How the photos were prepared, as the text of <see cref="Preprocessing"/>; empty if unknown.</summary>
    public string Preprocessing { get; init; } = "";

    /// <summary>Whether a text is a SHA-256 in hexadecimal, or empty.</summary>
    internal static bool IsHash(string text) => text == "" || text.Length == 64 && text.All(char.IsAsciiHexDigit);

    /// <summary>The beginning of a hash, for a message.</summary>
    internal static string Short(string hash) => hash[..Math.Min(hash.Length, 8)];

    /// <summary>The features of a network at a layer. A linear layer's K outputs are a map of one cell, (1, 1, 1, K).</summary>
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
/// The distribution of one layer's features over images, for each neuron (paper section 3.1: μ_R, σ_R). Noise is drawn from it, and information
/// is measured relative to it.
/// </summary>
/// <param name="Origin">The network, layer and photos of the features.</param>
/// <param name="Samples">Images seen.</param>
/// <param name="Mean">Mean of each neuron, in H, W, C order.</param>
/// <param name="Std">Standard deviation, divisor N - 1.</param>
/// <param name="Rms">Root mean square over the images in which the neuron was not 0, which the paper's own code uses on ResNet-50.</param>
/// <param name="Nonzero">Fraction of the images in which the neuron was not 0.</param>
public sealed record FeatureStatistics(FeatureOrigin Origin, long Samples, float[] Mean, float[] Std, float[] Rms, float[] Nonzero)
{
    /// <summary>Metadata key of the photos' preparation.</summary>
    internal const string PreprocessingKey = "preprocessing";

    /// <summary>Beyond it a float32 cannot hold the square of a feature, which the information needs.</summary>
    private const float Largest = 1e18f;

    /// <summary>With fewer images, the mask depends noticeably on the sample. The reference package warns below this number, too.</summary>
    public const int EnoughSamples = 1000;

    /// <summary>The default number of images to estimate from.</summary>
    public const int UsualSamples = 10_000;

    /// <summary>Whether there were too few images for a reliable estimate.</summary>
    public bool IsScarce => Samples < EnoughSamples;

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="StatisticsException">It is not a statistics file.</exception>
    /// <exception cref="FileFormatException">It is not a safetensors file.</exception>
    public static FeatureStatistics Load(FileSource source, CancellationToken cancel = default)
    {
        using SafetensorsFile file = SafetensorsFile.Open(source, cancel);
        return Read(file, null);
    }

    /// <summary>Writes everything to a safetensors file, atomically. The same statistics give the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    public void Save(string path, CancellationToken cancel = default) => SafetensorsFile.Write(
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
        withChecksum: true, cancel);

    /// <summary>SHA-256 of the numbers, in hexadecimal.</summary>
    public string Sha256 => Sha256OfNumbers.Of(Mean, Std, Rms, Nonzero);

    /// <summary>The tensors, H x W x C each.</summary>
    /// <param name="prefix">The prefix of every name if a file holds several layers.</param>
    internal IEnumerable<SafetensorsTensor> Tensors(string prefix = "")
    {
        int[] shape = [.. Origin.Shape.Dims[1..]];
        return
        [
            new($"{prefix}mean", shape, Mean), new($"{prefix}std", shape, Std),
            new($"{prefix}rms", shape, Rms), new($"{prefix}nonzero", shape, Nonzero),
        ];
    }

    /// <summary>Reads one layer's tensors.</summary>
    /// <param name="file">The file; its metadata give the network, the weights and the number of samples.</param>
    /// <param name="layer">The layer, or null for the one that the metadata give.</param>
    /// <param name="prefix">The prefix of every name.</param>
    /// <param name="remedy">The next step if they are missing or damaged.</param>
    internal static FeatureStatistics Read(
        SafetensorsFile file, string? layer, string prefix = "", string remedy = "Make it again with: iba estimate --images DIR --out FILE")
    {
        if (file.Metadata.ContainsKey(PartialStatistics.ShardKey))
        {
            throw new StatisticsException(
                file.Path, "it is a part of an estimate, not the statistics of all photos", "Join all parts with: iba estimate merge PART... --out FILE");
        }
        string[] wanted = [$"{prefix}mean", $"{prefix}std", $"{prefix}rms", $"{prefix}nonzero"];
        if (wanted.FirstOrDefault(name => !file.TryGet(name, out _)) is { } missing)
            throw Foreign($"it has no tensor '{missing}'");
        int[] shape = file[wanted[0]].Shape;
        if (shape.Length != 3 || shape.Any(extent => extent < 1) || wanted.Any(name => !file[name].Shape.AsSpan().SequenceEqual(shape)))
            throw Damaged("its tensors must all be H x W x C of one layer");

        var origin = new FeatureOrigin(Metadata("network"), layer ?? Metadata("layer"), new Shape([1, .. shape]), Metadata("weights_sha256"))
        {
            // Files of earlier releases do not have it.
            Preprocessing = file.Metadata.GetValueOrDefault(PreprocessingKey, ""),
        };
        if (!long.TryParse(Metadata("samples"), out long samples) || samples < 2)
            throw Damaged($"its sample count '{Metadata("samples")}' is not a number above 1");
        if (!FeatureOrigin.IsHash(origin.WeightsSha256))
            throw Damaged($"its weights_sha256 '{origin.WeightsSha256}' is not a SHA-256 of 64 hexadecimal digits");
        var statistics = new FeatureStatistics(
            origin, samples, file.ReadFloats(wanted[0]), file.ReadFloats(wanted[1]), file.ReadFloats(wanted[2]), file.ReadFloats(wanted[3]));
        if (statistics.Mistake(prefix) is { } mistake)
            throw Damaged(mistake);
        return statistics;

        StatisticsException Foreign(string reason) =>
            new(file.Path, $"it does not hold the statistics of features: {reason}", remedy);

        StatisticsException Damaged(string reason) =>
            new(file.Path, $"it is damaged: {reason}", remedy);

        string Metadata(string key) => file.Metadata.TryGetValue(key, out string? value)
            ? value
            : throw Foreign($"its metadata have no '{key}'");
    }

    /// <summary>Describes the first value that features cannot have; null if there is none. A neuron that never varies has a deviation of 0.</summary>
    /// <param name="prefix">The prefix of every name.</param>
    internal string? Mistake(string prefix = "")
    {
        (string Name, float[] Numbers, float Least, float Most, string Range)[] all =
        [
            ("mean", Mean, -Largest, Largest, "between -1e18 and 1e18"), ("std", Std, 0, Largest, "between 0 and 1e18"),
            ("rms", Rms, 0, Largest, "between 0 and 1e18"), ("nonzero", Nonzero, 0, 1, "a fraction, 0 to 1"),
        ];
        foreach ((string name, float[] numbers, float least, float most, string range) in all)
        {
            if (numbers.Length != Origin.Shape.Count)
                return $"tensor '{prefix}{name}' has {numbers.Length} elements, and layer {Origin.Layer} has {Origin.Shape.Count} neurons";
            if (numbers.AsSpan().IndexOfAnyExceptInRange(least, most) is >= 0 and var at)
                return $"tensor '{prefix}{name}' is {numbers[at]} at {Place(at)}; it must be {range}";
        }
        for (int at = 0; at < Nonzero.Length; at++)
        {
            if (Nonzero[at] == 0 && (Mean[at] != 0 || Std[at] != 0))
                return $"neuron {Place(at)} was 0 in every image according to '{prefix}nonzero', but its mean is {Mean[at]} and its deviation {Std[at]}";
        }
        return null;

        string Place(int at)
        {
            (int cell, int channel) = Math.DivRem(at, Origin.Shape.C);
            return $"({cell / Origin.Shape.W}, {cell % Origin.Shape.W}, {channel})";
        }
    }

    /// <summary>Rejects statistics of a layer that a network does not have.</summary>
    /// <exception cref="StatisticsException">It does not have that layer.</exception>
    internal void MustBeOfLayerOf(Network network)
    {
        if (!network.Has(Origin.Layer))
        {
            throw new StatisticsException(
                "the statistics", $"they are of layer '{Origin.Layer}', which {network.Name} does not have",
                "Estimate them again with: iba estimate --images DIR --out FILE");
        }
    }

    /// <summary>Rejects features of another network, layer, image size or weights.</summary>
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

    /// <summary>Rejects photos that were prepared differently. Statistics that do not say how theirs were prepared fit any.</summary>
    /// <exception cref="StatisticsException">The preparations differ; the message names both.</exception>
    public void MustBeOf(Preprocessing preprocessing)
    {
        if (Origin.Preprocessing != "" && Origin.Preprocessing != preprocessing.ToString())
        {
            throw new StatisticsException(
                "the statistics", $"they are of photos prepared by {Origin.Preprocessing}, and this photo was prepared by {preprocessing}",
                "Prepare the photos as for the statistics, or estimate again with: iba estimate --images DIR --out FILE");
        }
    }

    /// <summary>Describes how the origin of these statistics differs from that of some features; null if it does not.</summary>
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
