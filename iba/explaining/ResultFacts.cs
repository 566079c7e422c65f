using System.Globalization;
using System.Reflection;
using Iba.Bottleneck;
using Iba.Methods;

namespace Iba.Explaining;

/// <summary>Every setting, hash and figure of results of one network and method: the metadata of their files.</summary>
/// <param name="classifier">The network.</param>
/// <param name="inputs">What the method was created from.</param>
/// <param name="method">The method.</param>
internal sealed class ResultFacts(Classifier classifier, MethodInputs inputs, MethodKind method)
{
    private string? _statisticsSha256;

    /// <summary>The program's version.</summary>
    public static string Version { get; } =
        typeof(ResultFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <summary>Further facts of the method, such as those of a readout's training.</summary>
    public IReadOnlyDictionary<string, string> Extra { get; init; } = new Dictionary<string, string>();

    /// <summary>The facts of a result.</summary>
    /// <param name="image">The photo's name.</param>
    /// <param name="imageSha256">The hash of its file; empty for pixels.</param>
    /// <param name="result">The result.</param>
    public Dictionary<string, string> Of(string image, string imageSha256, Explanation result)
    {
        var facts = new Dictionary<string, string>
        {
            ["about"] = $"{method.Title}: one value per pixel of the network's input, H x W",
            ["unit"] = result.Heatmap.Unit.Words,
            ["method"] = method.Name,
            ["version"] = Version,
            ["model"] = classifier.Network.Name,
            ["weights_sha256"] = classifier.WeightsSha256,
            ["image"] = image,
            ["image_sha256"] = imageSha256,
            ["preprocessing"] = $"{classifier.Preprocessing}",
            ["target"] = Text(result.Target),
            ["predicted"] = Text(result.Predicted),
            ["probability"] = Text(result.Probability),
            ["activation"] = Classes.Activation(classifier.Classes),
            ["seed"] = Text(inputs.Seed),
            ["device"] = classifier.Arithmetic.Device,
            ["precision"] = classifier.Arithmetic.Precision,
        };
        if (!result.Loss.IsCrossEntropy)
            facts["objective"] = result.Loss.Name;
        if (classifier.Arithmetic is { Winograd: { } winograd, RegisterBits: { } bits })
        {
            facts["winograd"] = winograd ? "on" : "off";
            facts["register_width"] = bits == 0 ? "none" : Text(bits);
        }
        if (result.Seeds is { } seeds)
        {
            facts["seeds"] = Text(seeds.Count);
            if (seeds.TotalBitsDeviation is { } deviation)
                facts["total_bits_deviation"] = Text(deviation);
        }
        foreach ((string name, double number) in result.Check?.Numbers ?? [])
            facts[name] = Text(number);
        foreach ((string name, string fact) in Extra)
            facts[name] = fact;
        if (result is BottleneckExplanation restricted)
            Add(facts, restricted);
        return facts;
    }

    private void Add(Dictionary<string, string> facts, BottleneckExplanation bits)
    {
        facts["probability_restricted"] = Text(bits.ProbabilityRestricted);
        facts["total_bits"] = Text(bits.TotalBits);
        if (inputs.Statistics is not { } statistics)
            return;
        BottleneckSettings settings = inputs.Bottleneck;
        facts["layer"] = statistics.Origin.Layer;
        facts["statistics_samples"] = Text(statistics.Samples);
        facts["statistics_sha256"] = _statisticsSha256 ??= statistics.Sha256;
        facts["beta"] = Text(settings.Beta);
        facts["sigma"] = Text(settings.Sigma);
        if (bits.Losses.Count == 0)
            return;
        facts["loss"] = string.Join(' ', bits.Losses.Select(loss => Text(loss.Total)));
        facts["steps"] = Text(settings.Steps);
        facts["copies"] = Text(settings.Copies);
        facts["learning_rate"] = Text(settings.LearningRate);
        facts["spread"] = $"{settings.Spread}";
        facts["final_map"] = $"{settings.FinalMap}";
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
