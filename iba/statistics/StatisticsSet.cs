using Iba.Engine.Files;

namespace Iba.Statistics;

/// <summary>
/// Feature statistics of several layers of one network over the same images: what the readout bottleneck reads (paper section 3.3).
/// In a file every tensor carries its layer's name: <c>layer1.2.mean</c>.
/// </summary>
/// <param name="Layers">One for each layer, in the order in which they are read.</param>
public sealed record StatisticsSet(IReadOnlyList<FeatureStatistics> Layers)
{
    private const string LayersKey = "layers";

    /// <summary>Of the first layer: the one at which the flow is restricted.</summary>
    public FeatureStatistics First => Layers[0];

    /// <summary>What goes into a file.</summary>
    internal IEnumerable<SafetensorsTensor> Tensors => Layers.SelectMany(layer => layer.Tensors($"{layer.Origin.Layer}."));

    /// <summary>What a file says beside the tensors. No layer's name has a blank.</summary>
    internal Dictionary<string, string> Metadata => new()
    {
        [LayersKey] = string.Join(' ', Layers.Select(layer => layer.Origin.Layer)),
        ["network"] = First.Origin.Network,
        ["samples"] = $"{First.Samples}",
        ["weights_sha256"] = First.Origin.WeightsSha256,
        [FeatureStatistics.PreprocessingKey] = First.Origin.Preprocessing,
    };

    /// <summary>The first way in which these statistics are not those of a network's layers, in words; null if they are.</summary>
    /// <param name="origins">What the layers are, in the same order.</param>
    public string? Difference(IEnumerable<FeatureOrigin> origins) =>
        Layers.Zip(origins, (layer, origin) => layer.Difference(origin)).FirstOrDefault(reason => reason is not null);

    /// <summary>Reads what <see cref="Tensors"/> and <see cref="Metadata"/> put into a file.</summary>
    /// <exception cref="StatisticsException">They are not there, or damaged.</exception>
    internal static StatisticsSet Read(SafetensorsFile file)
    {
        string[] layers = file.Metadata.GetValueOrDefault(LayersKey, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (layers.Length == 0 || layers.Distinct().Count() < layers.Length)
            throw new StatisticsException(file.Path, "it does not say of which layers it is, so it holds no statistics of several layers", "Train the readout again with: iba readout train --images DIR --out FILE");
        return new StatisticsSet([.. layers.Select(layer => FeatureStatistics.Read(file, layer, $"{layer}."))]);
    }
}
