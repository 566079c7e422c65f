using Iba.Engine;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Images;
using Iba.Statistics;

namespace Iba.Relevance;

/// <summary>How the direction of the signal is estimated (Kindermans et al. 2018, section 4).</summary>
public enum SignalEstimator
{
    /// <summary>a = cov(x, y) / var(y): from all inputs of a neuron.</summary>
    Linear,

    /// <summary>From the inputs that activate the neuron, if a ReLU follows; else as <see cref="Linear"/>.</summary>
    TwoComponent,
}

/// <summary>Where patterns come from.</summary>
/// <param name="Network">The architecture: <c>vgg16</c>.</param>
/// <param name="WeightsSha256">SHA-256 of the weights file in hexadecimal, or empty if unknown.</param>
/// <param name="Estimator">How they were estimated.</param>
/// <param name="Images">The number of images.</param>
public sealed record PatternOrigin(string Network, string WeightsSha256, SignalEstimator Estimator, long Images)
{
    /// <summary>How the images were prepared, as <see cref="Preprocessing"/> describes itself; empty if unknown.</summary>
    public string Preprocessing { get; init; } = "";
}

/// <summary>
/// For each weight of a network, how its input changes when the signal grows by one: the weight's direction without the components that
/// only cancel distractors.
/// </summary>
public sealed class Patterns
{
    private readonly IReadOnlyDictionary<string, float[]> _patterns;
    private readonly IReadOnlyDictionary<string, int[]> _shapes = new Dictionary<string, int[]>();

    /// <param name="origin">Where they come from.</param>
    /// <param name="patterns">By the weight's name, in the weight's layout: K, R, S, C or K, C.</param>
    public Patterns(PatternOrigin origin, IReadOnlyDictionary<string, float[]> patterns) => (Origin, _patterns) = (origin, patterns);

    private Patterns(PatternOrigin origin, IReadOnlyDictionary<string, float[]> patterns, IReadOnlyDictionary<string, int[]> shapes)
        : this(origin, patterns) => _shapes = shapes;

    /// <summary>Where they come from.</summary>
    public PatternOrigin Origin { get; }

    /// <summary>SHA-256 of the numbers, in hexadecimal. It is computed once: VGG-16's patterns take 550 MB.</summary>
    public string Sha256 => field ??= Sha256OfNumbers.Of(_patterns.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value));

    /// <summary>The pattern of the weight of that name.</summary>
    public float[] this[string weight] => _patterns[weight];

    /// <summary>The weights that have a pattern: those of convolutions and linear layers.</summary>
    public static IEnumerable<Parameter> WeightsOf(Network network) => network.Parameters.Where(parameter => parameter.Data.Shape.Rank > 1);

    /// <summary>Throws if the patterns do not belong to the given network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="weightsSha256">SHA-256 of its weights file, or empty if unknown.</param>
    /// <param name="preprocessing">How its photos are prepared, or null if unknown.</param>
    /// <exception cref="PatternsException">Another architecture, other widths, other weights or other preprocessing.</exception>
    public void MustFit(Network network, string weightsSha256 = "", Preprocessing? preprocessing = null)
    {
        string? reason =
            Origin.Network != network.Name ? $"network {Origin.Network}, not {network.Name}" :
            Origin.WeightsSha256 != "" && weightsSha256 != "" && Origin.WeightsSha256 != weightsSha256
                ? $"weights {FeatureOrigin.Short(Origin.WeightsSha256)}..., not {FeatureOrigin.Short(weightsSha256)}..." :
            Origin.Preprocessing != "" && preprocessing is not null && Origin.Preprocessing != preprocessing.ToString()
                ? $"photos prepared by {Origin.Preprocessing}, not {preprocessing}" :
            WeightsOf(network).FirstOrDefault(w => !Fits(w)) is { } stranger
                ? $"a network whose '{stranger.Name}' is missing or of another shape than {stranger.Data.Shape}" : null;
        if (reason is not null)
            throw new PatternsException("the patterns", $"they are of {reason}", "Fit them again with: iba patterns fit --images DIR --out FILE");
    }

    private bool Fits(Parameter weight) => _patterns.TryGetValue(weight.Name, out float[]? pattern) && pattern.Length == weight.Data.Shape.Count
        && (!_shapes.TryGetValue(weight.Name, out int[]? shape) || weight.Data.Shape.Dims.SequenceEqual(shape));

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="PatternsException">It is not a patterns file.</exception>
    /// <exception cref="FileFormatException">It is not a safetensors file.</exception>
    public static Patterns Load(FileSource source, CancellationToken cancel = default)
    {
        string path = source.Name;
        using SafetensorsFile file = SafetensorsFile.Open(source, cancel);
        if (!Enum.GetNames<SignalEstimator>().Contains(Metadata("estimator")))
            throw Damaged($"'{Metadata("estimator")}' is not an estimator");
        if (!long.TryParse(Metadata("images"), out long images) || images < 1)
            throw Damaged($"its image count '{Metadata("images")}' is not a number above 0");
        var origin = new PatternOrigin(Metadata("network"), Metadata("weights_sha256"), Enum.Parse<SignalEstimator>(Metadata("estimator")), images)
        {
            // Files of earlier releases have no such entry.
            Preprocessing = file.Metadata.GetValueOrDefault("preprocessing", ""),
        };
        if (!FeatureOrigin.IsHash(origin.WeightsSha256))
            throw Damaged($"its weights_sha256 '{origin.WeightsSha256}' is not a SHA-256 of 64 hexadecimal digits");
        Dictionary<string, float[]> patterns = file.Entries.ToDictionary(entry => entry.Name, entry => file.ReadFloats(entry.Name));
        foreach ((string weight, float[] numbers) in patterns)
        {
            if (NonFiniteException.FirstIn(numbers) is { } at)
                throw Damaged($"tensor '{weight}' is {numbers[at]} at {at}; it must be finite");
        }
        return new Patterns(origin, patterns, file.Entries.ToDictionary(entry => entry.Name, entry => entry.Shape));

        PatternsException Damaged(string reason) =>
            new(path, $"it is damaged: {reason}", "Make it again with: iba patterns fit --images DIR --out FILE");

        string Metadata(string key) => file.Metadata.TryGetValue(key, out string? value)
            ? value
            : throw new PatternsException(
                path, $"it does not say its {key}, so it is no patterns file", "Make one with: iba patterns fit --images DIR --out FILE");
    }

    /// <summary>Writes a safetensors file, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">Their network, for the shapes.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    public void Save(string path, Network network, CancellationToken cancel = default) => SafetensorsFile.Write(
        path,
        [.. WeightsOf(network).Select(weight => new SafetensorsTensor(weight.Name, [.. weight.Data.Shape.Dims], this[weight.Name]))],
        new Dictionary<string, string>
        {
            ["about"] = "signal patterns for PatternAttribution, one for each weight, in its layout: "
                + "(K, R, S, C) for a convolution, (K, H W C) for a linear layer",
            ["network"] = Origin.Network,
            ["weights_sha256"] = Origin.WeightsSha256,
            ["estimator"] = Origin.Estimator.ToString(),
            ["images"] = Origin.Images.ToString(),
            ["preprocessing"] = Origin.Preprocessing,
        },
        withChecksum: true, cancel);
}

/// <summary>Patterns that cannot be used, and why.</summary>
/// <param name="subject">The file, or the patterns.</param>
/// <param name="reason">What is wrong with them.</param>
/// <param name="remedy">The next step.</param>
public sealed class PatternsException(string subject, string reason, string remedy) : IbaException(subject, reason, remedy);
