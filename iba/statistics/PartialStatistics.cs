using System.Globalization;
using System.Text;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Engine.Tensors;

namespace Iba.Statistics;

/// <summary>
/// The sums of an estimate in double, over a part of its photos or while it is being made. A file of them holds everything that decides the numbers. Only
/// an estimate with the same settings and photos goes on from it, and only parts of one estimate are joined.
/// </summary>
public sealed class PartialStatistics
{
    /// <summary>Metadata key of the part, which only these files have.</summary>
    internal const string ShardKey = "shard";

    private const string
        NetworkKey = "network", LayerKey = "layer", ShapeKey = "shape", WeightsKey = "weights_sha256", UprightKey = "upright", PhotosKey = "photos",
        PhotosHashKey = "photos_sha256", PrecisionKey = "precision", ProgramKey = "program", ArithmeticKey = "arithmetic", SamplesKey = "samples",
        LeftOutKey = "left_out";

    /// <summary>What all parts of an estimate share. Their devices may differ.</summary>
    private static readonly string[] Shared =
    [
        NetworkKey, LayerKey, ShapeKey, WeightsKey, FeatureStatistics.PreprocessingKey, UprightKey, PhotosKey, PhotosHashKey, PrecisionKey, ProgramKey,
    ];

    private readonly Dictionary<string, string> _settings;

    private PartialStatistics(Dictionary<string, string> settings, FeatureOrigin origin, Shard shard, int photos, FeatureEstimator features) =>
        (_settings, Origin, Shard, Photos, Features) = (settings, origin, shard, shard.CountOf(photos), features);

    /// <summary>The network, layer and preparation of the photos.</summary>
    public FeatureOrigin Origin { get; }

    /// <summary>The part of the photos.</summary>
    public Shard Shard { get; }

    /// <summary>The part's photos.</summary>
    public int Photos { get; }

    /// <summary>The sums over the photos so far.</summary>
    public FeatureEstimator Features { get; }

    /// <summary>The files so far that were left out because they are not photos.</summary>
    public int LeftOut { get; internal set; }

    /// <summary>The photos so far, including those left out.</summary>
    public int Done => (int)Features.Samples + LeftOut;

    /// <summary>Whether all photos of the part are in it.</summary>
    public bool IsWhole => Done == Photos;

    /// <summary>A part without photos yet.</summary>
    /// <param name="classifier">The network, and how its photos are prepared.</param>
    /// <param name="photos">The photos. Their names, order and sizes in bytes identify them.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="shard">The part.</param>
    /// <param name="samples">The number of photos to use in all parts at most.</param>
    internal static PartialStatistics Begin(Classifier classifier, PhotoSet photos, string layer, Shard shard, int samples)
    {
        FeatureOrigin origin = FeatureOrigin.Of(classifier.Network, layer, classifier.Image, classifier.WeightsSha256) with
        {
            Preprocessing = $"{classifier.Preprocessing}",
        };
        var list = new StringBuilder();
        int count = 0;
        foreach (ImageFile photo in photos.Spread(samples))
        {
            var file = new FileInfo(photo.Path);
            list.Append(CultureInfo.InvariantCulture, $"{photo.Name} {(file.Exists ? file.Length : -1)}\n");
            count++;
        }
        var settings = new Dictionary<string, string>
        {
            [NetworkKey] = origin.Network,
            [LayerKey] = origin.Layer,
            [ShapeKey] = $"{origin.Shape}",
            [WeightsKey] = origin.WeightsSha256,
            [FeatureStatistics.PreprocessingKey] = origin.Preprocessing,
            [UprightKey] = $"{classifier.Rotate}",
            [PhotosKey] = count.ToString(CultureInfo.InvariantCulture),
            [PhotosHashKey] = Sha256Hash.Hex(Encoding.UTF8.GetBytes(list.ToString())),
            [PrecisionKey] = classifier.Arithmetic.Precision,
            [ProgramKey] = StatisticsCache.Version,
            [ArithmeticKey] = $"{classifier.Arithmetic}",
            [ShardKey] = $"{shard}",
        };
        return new PartialStatistics(settings, origin, shard, count, new FeatureEstimator(origin.Shape.Count));
    }

    /// <summary>Writes everything to a safetensors file, atomically. The same sums give the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Ends the wait for the reader of a pipe. A file is written in any case.</param>
    /// <exception cref="FileWriteException">It cannot be written.</exception>
    public void Save(string path, CancellationToken cancel = default) => SafetensorsFile.Write(
        path,
        Features.Tensors(Origin.Shape),
        new Dictionary<string, string>(_settings)
        {
            ["about"] = "sums of an estimate of feature statistics per neuron, H x W x C; iba estimate continues it, iba estimate merge joins parts",
            [SamplesKey] = Features.Samples.ToString(CultureInfo.InvariantCulture),
            [LeftOutKey] = LeftOut.ToString(CultureInfo.InvariantCulture),
        },
        withChecksum: true, cancel);

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="StatisticsException">It is damaged, or no such file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PartialStatistics Load(string path, CancellationToken cancel = default)
    {
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path, cancel);
            string[] keys = [.. Shared, ArithmeticKey, ShardKey];
            if (keys.FirstOrDefault(key => !file.Metadata.ContainsKey(key)) is { } missing)
                throw Unusable($"it holds no part of an estimate: its metadata have no '{missing}'");
            var settings = keys.ToDictionary(key => key, key => file.Metadata[key]);
            if (FeatureEstimator.Extents(file) is not { } extents || extents.Any(extent => extent < 1))
                throw Unusable("it is damaged: it has no tensor 'mean' of H x W x C elements");
            var origin = new FeatureOrigin(settings[NetworkKey], settings[LayerKey], new Shape([1, .. extents]), settings[WeightsKey])
            {
                Preprocessing = settings[FeatureStatistics.PreprocessingKey],
            };
            if (settings[ShapeKey] != $"{origin.Shape}" || !FeatureOrigin.IsHash(origin.WeightsSha256))
                throw Unusable("it is damaged: its metadata do not fit its tensors, or its weights_sha256 is not one");
            int samples = Number(SamplesKey), leftOut = Number(LeftOutKey);
            var shard = Shard.Parse(settings[ShardKey], _ => null);
            FeatureEstimator features = FeatureEstimator.Read(file, origin.Shape.Count, samples);
            var part = new PartialStatistics(settings, origin, shard, Number(PhotosKey), features) { LeftOut = leftOut };
            return (long)samples + leftOut <= part.Photos ? part : throw Unusable($"it is damaged: more than its {part.Photos} photos are in it");

            int Number(string key) => int.TryParse(file.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : throw Unusable($"it is damaged: '{key}' in its metadata is no count");
        }
        catch (FileFormatException damaged)
        {
            throw Unusable(damaged.Reason);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or FormatException)
        {
            throw Unusable($"it is damaged: {damaged.Message.TrimEnd('.')}");
        }

        StatisticsException Unusable(string reason) => new(path, reason, "Delete it, or name another file, and run iba estimate again");
    }

    /// <summary>The part in a file, which must be this one: of the same settings and photos.</summary>
    /// <exception cref="StatisticsException">It is damaged, or another part.</exception>
    internal PartialStatistics Resume(string path, CancellationToken cancel)
    {
        PartialStatistics begun = Load(path, cancel);
        // Another device rounds differently, and the result would not be that of one run.
        return begun.Difference(this, [.. Shared, ArithmeticKey, ShardKey]) is not { } difference ? begun : throw new StatisticsException(
            path, $"it was begun with {difference}", "Delete it to start over, or give the settings and photos that it was begun with");
    }

    /// <summary>Joins all parts of an estimate, in the order of the shards.</summary>
    /// <param name="paths">The files, in any order. One at a time is in memory.</param>
    /// <param name="cancel">Checked between files.</param>
    /// <exception cref="StatisticsException">A part is missing, not finished, there twice, damaged, or of other settings or photos.</exception>
    /// <exception cref="InvalidOperationException">There are fewer than two photos.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static FeatureStatistics Merge(IReadOnlyList<string> paths, CancellationToken cancel = default)
    {
        const string MakeAgain = "Make all parts with the same settings, photos and number of parts";
        PartialStatistics? first = null;
        var files = new SortedDictionary<int, string>();
        foreach (string path in paths)
        {
            PartialStatistics part = Load(path, cancel);
            first ??= part;
            if (part.Difference(first, Shared) is { } difference)
                throw new StatisticsException(path, $"it is a part of another estimate than {paths[0]}: {difference}", MakeAgain);
            if (part.Shard.Count != first.Shard.Count)
                throw new StatisticsException(path, $"it is part {part.Shard}, and {paths[0]} is part {first.Shard}", MakeAgain);
            if (!files.TryAdd(part.Shard.Index, path))
                throw new StatisticsException(path, $"it is part {part.Shard}, as {files[part.Shard.Index]} is", "Name each part once");
            if (!part.IsWhole)
            {
                throw new StatisticsException(
                    path, $"part {part.Shard} is not finished: {part.Done} of its {part.Photos} photos are in it", "Run its iba estimate again, which goes on");
            }
        }
        if (first is null)
            throw new StatisticsException("parts", "none is named", "Name all parts of an estimate");
        int count = first.Shard.Count;
        if (files.Count < count)
        {
            const int Most = 10;
            string[] missing = [.. Enumerable.Range(0, count).Where(i => !files.ContainsKey(i)).Take(Most + 1).Select(i => $"{new Shard(i, count)}")];
            string names = missing.Length > Most ? $"{string.Join(", ", missing[..Most])} and more" : string.Join(", ", missing);
            throw new StatisticsException(
                "parts", $"of {count}, {count - files.Count} {(files.Count == count - 1 ? "is" : "are")} missing: {names}",
                "Make each with iba estimate --shard I/N, and name all of them");
        }
        var sum = new FeatureEstimator(first.Origin.Shape.Count);
        foreach (string path in files.Values)
            sum.Merge(Load(path, cancel).Features);
        return sum.Finish(first.Origin);
    }

    /// <summary>Describes the first setting that differs from another part's; null if none does.</summary>
    private string? Difference(PartialStatistics other, string[] keys) =>
        keys.FirstOrDefault(key => _settings[key] != other._settings[key]) is { } key ? $"{key} '{_settings[key]}', not '{other._settings[key]}'" : null;
}
