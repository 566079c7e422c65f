using Iba.Engine.Files;

namespace Iba.Statistics;

/// <summary>
/// Feature statistics of several layers of one network over the same images: what the readout bottleneck reads (paper section 3.3).
/// In a file, every tensor's name begins with its layer's: <c>layer1.2.mean</c>.
/// </summary>
/// <param name="Layers">One for each layer, in the order in which they are read.</param>
public sealed record StatisticsSet(IReadOnlyList<FeatureStatistics> Layers)
{
    private const string LayersKey = "layers";

    /// <summary>The statistics of the first layer, at which the flow is restricted.</summary>
    public FeatureStatistics First => Layers[0];

    /// <summary>The layers' full names.</summary>
    internal IReadOnlyList<string> Names => [.. Layers.Select(layer => layer.Origin.Layer)];

    /// <summary>The tensors of a file.</summary>
    internal IEnumerable<SafetensorsTensor> Tensors => Layers.SelectMany(layer => layer.Tensors($"{layer.Origin.Layer}."));

    /// <summary>The metadata of a file. Layers are separated by blanks, which no layer's name contains.</summary>
    internal Dictionary<string, string> Metadata => new()
    {
        [LayersKey] = string.Join(' ', Names),
        ["network"] = First.Origin.Network,
        ["samples"] = $"{First.Samples}",
        ["weights_sha256"] = First.Origin.WeightsSha256,
        [FeatureStatistics.PreprocessingKey] = First.Origin.Preprocessing,
    };

    /// <summary>Describes the first difference between the origins of these statistics and those of a network's layers; null if there is none.</summary>
    /// <param name="origins">The origins of the network's features, in the same order.</param>
    public string? Difference(IEnumerable<FeatureOrigin> origins) =>
        Layers.Zip(origins, (layer, origin) => layer.Difference(origin)).FirstOrDefault(reason => reason is not null);

    /// <summary>Reads the <see cref="Tensors"/> and <see cref="Metadata"/> of a file.</summary>
    /// <exception cref="StatisticsException">They are missing or damaged.</exception>
    internal static StatisticsSet Read(SafetensorsFile file)
    {
        const string Remedy = "Train the readout again with: iba readout train --images DIR --out FILE";
        string[] layers = file.Metadata.GetValueOrDefault(LayersKey, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (layers.Length == 0 || layers.Distinct().Count() < layers.Length)
        {
            throw new StatisticsException(
                file.Path, "its metadata name no layers, or one twice, so it has no statistics of several layers", Remedy);
        }
        return new StatisticsSet([.. layers.Select(layer => FeatureStatistics.Read(file, layer, $"{layer}.", Remedy))]);
    }
}
