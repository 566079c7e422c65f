using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using Engine.Files;
using Iba.Bottleneck;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>Writes what was found about a photo: the map as data with every setting and hash, and the picture.</summary>
internal sealed class AttributionFiles(
    LoadedNetwork loaded, FeatureStatistics statistics, BottleneckSettings settings, string folder, bool fullPhoto, double? scale)
{
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    public AttributionLine Write(Subject subject, BottleneckAttribution result, double seconds)
    {
        Directory.CreateDirectory(folder);
        string stem = Path.Combine(folder, Name(subject.Path));
        string map = $"{stem}.iba.safetensors", overlay = $"{stem}.iba.png";
        IReadOnlyDictionary<string, string> facts = Facts(subject, result);
        SafetensorsFile.Write(map, [new("map", [result.Heatmap.Height, result.Heatmap.Width], result.Heatmap.Values)], facts);
        Picture.Write(overlay, subject, result, loaded, statistics, settings, fullPhoto, scale, facts);
        return new AttributionLine(
            subject.Path, loaded.Network.Name, "per-sample", statistics.Origin.Layer, result.Target, loaded.Labels[result.Target],
            result.Predicted, loaded.Labels[result.Predicted], result.Probability, result.ProbabilityRestricted,
            result.TotalBits, result.Heatmap.Max, [.. result.Losses.Select(loss => (double)loss.Total)], map, overlay, Math.Round(seconds, 3));
    }

    /// <summary>The photo's own name, numbered where two photos of one run share it.</summary>
    private string Name(string path)
    {
        string stem = Path.GetFileNameWithoutExtension(path), name = stem;
        for (int copy = 2; !_taken.Add(name); copy++)
            name = $"{stem}-{copy}";
        return name;
    }

    private Dictionary<string, string> Facts(Subject subject, BottleneckAttribution result) => new()
    {
        ["about"] = "information that the network was given, in bits per pixel, H x W",
        ["unit"] = "bits per pixel",
        ["method"] = "per-sample",
        ["version"] = typeof(AttributionFiles).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "",
        ["model"] = loaded.Network.Name,
        ["weights_sha256"] = loaded.WeightsSha256,
        ["image"] = Path.GetFileName(subject.Path),
        ["image_sha256"] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(subject.Path))),
        ["input"] = $"{loaded.Preprocessing}",
        ["layer"] = statistics.Origin.Layer,
        ["statistics_samples"] = Text(statistics.Samples),
        ["statistics_sha256"] = StatisticsSha256,
        ["target"] = Text(result.Target),
        ["predicted"] = Text(result.Predicted),
        ["probability"] = Text(result.Probability),
        ["probability_restricted"] = Text(result.ProbabilityRestricted),
        ["total_bits"] = Text(result.TotalBits),
        ["loss"] = string.Join(' ', result.Losses.Select(loss => Text(loss.Total))),
        ["beta"] = Text(settings.Beta),
        ["steps"] = Text(settings.Steps),
        ["copies"] = Text(settings.Copies),
        ["learning_rate"] = Text(settings.LearningRate),
        ["sigma"] = Text(settings.Sigma),
        ["seed"] = Text(settings.Seed),
        ["spread"] = $"{settings.Spread}",
        ["final_map"] = $"{settings.FinalMap}",
        ["backend"] = "cpu",
    };

    private string StatisticsSha256 { get; } = Hash(statistics);

    private static string Hash(FeatureStatistics statistics)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (float[] numbers in (float[][])[statistics.Mean, statistics.Std, statistics.Rms, statistics.Nonzero])
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
