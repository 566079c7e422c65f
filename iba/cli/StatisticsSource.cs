using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Statistics;
using Iba.Weights;

namespace Iba.Cli;

/// <summary>
/// Where a run's feature statistics come from: a file, a folder of images whose statistics are estimated once and kept, or the demo network's own.
/// </summary>
/// <param name="loaded">The network.</param>
/// <param name="file">--statistics.</param>
/// <param name="photos">--images.</param>
/// <param name="samples">Photos to use at most.</param>
/// <param name="takesFolder">Whether the command's --images is that folder, so that it can be advised.</param>
internal sealed class StatisticsSource(LoadedNetwork loaded, string? file, PhotoSet? photos, int samples, bool takesFolder = true)
{
    /// <summary>Whether there is a source at all.</summary>
    public bool Any => file is not null || photos is not null || loaded.Demo is not null;

    /// <param name="layer">Null for the file's own, or the paper's.</param>
    /// <param name="settings">Of the bottleneck that they are for: what it would refuse is refused before anything is estimated.</param>
    public FeatureStatistics At(string? layer, BottleneckSettings? settings = null) => AtAll([layer], settings)[0];

    /// <summary>Of several layers: a file is read once, and photos run once for all layers whose statistics are not kept.</summary>
    public IReadOnlyList<FeatureStatistics> AtAll(IReadOnlyList<string?> layers, BottleneckSettings? settings = null)
    {
        if (file is null && photos is not null)
            return [.. Cached(photos, [.. layers.Select(layer => loaded.Network.Resolve(layer ?? loaded.DefaultLayer))], settings).Select(Usable)];
        FeatureStatistics one = Usable(file is not null ? FeatureStatistics.Load(file, Interrupt.Token)
            : loaded.Demo is not null ? FeatureStatistics.Load(Folders.DemoFile(Demo.Statistics(loaded.Demo)))
            : throw Missing(takesFolder));
        if (layers.FirstOrDefault(layer => layer is not null && loaded.Network.Resolve(layer) != one.Origin.Layer) is { } other)
        {
            throw new UsageException($"layer {other}: {file ?? $"what comes with {loaded.Demo}"} holds the statistics of {one.Origin.Layer}. "
                + "Give --images DIR in its place, for those of any layer; iba dataset shapes makes photos for the demo networks.");
        }
        return [.. layers.Select(_ => one)];
    }

    /// <summary>The same statistics, if they are the network's; with a warning where they are of few photos.</summary>
    private FeatureStatistics Usable(FeatureStatistics statistics)
    {
        // Before a layer is looked for: the other network's layers have other names.
        if (file is not null && statistics.Origin.Network != loaded.Network.Name)
        {
            throw new UsageException($"--statistics {file}: they are of {statistics.Origin.Network}, and the network is {loaded.Network.Name}. "
                + "Give its own, made by: iba estimate --images DIR --out FILE");
        }
        if (statistics.Origin.Preprocessing == "")
        {
            int size = loaded.Preprocessing.Size;
            string earlier = $"{new Preprocessing { Resize = size * 8 / 7, Crop = size }}";
            statistics = statistics with { Origin = statistics.Origin with { Preprocessing = earlier } };
            if (file is not null)
                Terminal.Say($"{file} does not say how its photos were prepared; taken for {earlier}, as earlier releases did.");
        }
        WarnIfScarce(statistics);
        return statistics;
    }

    /// <summary>The error of a run that has no source.</summary>
    public static UsageException Missing(bool takesFolder) => new(
        $"the bottleneck needs to know how features are distributed. Give {(takesFolder ? "--images DIR (a folder of photos), or " : "")}"
        + "--statistics FILE made by: iba estimate --images DIR --out FILE");

    /// <summary>The kept statistics, or new ones. A damaged file is written again; where none can be written, none is kept.</summary>
    private FeatureStatistics[] Cached(PhotoSet images, string[] layers, BottleneckSettings? settings)
    {
        foreach (string layer in layers)
            settings?.Check(loaded.Network.Until(layer).Output(loaded.Image));
        Dictionary<string, StatisticsCache> caches = layers.Distinct()
            .ToDictionary(layer => layer, layer => new StatisticsCache(Folders.Statistics, loaded, images, layer, samples));
        Dictionary<string, FeatureStatistics?> found = caches.ToDictionary(cache => cache.Key, cache => Kept(cache.Value, cache.Key));
        string[] missing = [.. found.Keys.Where(layer => found[layer] is null)];
        if (missing.Length > 0)
        {
            foreach ((string layer, FeatureStatistics statistics) in missing.Zip(Estimate(loaded, images, missing, samples).Layers))
                Keep(caches[layer], found[layer] = statistics);
        }
        return [.. layers.Select(layer => found[layer]!)];
    }

    private FeatureStatistics? Kept(StatisticsCache cache, string layer)
    {
        try
        {
            if (cache.Find() is { } kept)
            {
                kept.MustFit(FeatureOrigin.Of(loaded.Network, layer, loaded.Image, loaded.WeightsSha256));
                return kept;
            }
        }
        catch (Exception damaged) when (damaged is IbaException or IOException or UnauthorizedAccessException)
        {
            Terminal.Warn($"the statistics kept are estimated again: {damaged.Message}");
        }
        return null;
    }

    private static void Keep(StatisticsCache cache, FeatureStatistics statistics)
    {
        try
        {
            cache.Keep(statistics);
            Terminal.Say($"statistics of {statistics.Samples} images kept in {cache.FilePath}");
        }
        catch (FileWriteException refused)
        {
            Terminal.Warn($"the statistics are not kept: {refused.Message}");
        }
    }

    public static void WarnIfScarce(FeatureStatistics statistics)
    {
        if (statistics.IsScarce)
        {
            Terminal.Warn($"the statistics are of {statistics.Samples} images; with fewer than {FeatureStatistics.EnoughSamples} "
                + "the mask follows the accidents of the sample.");
        }
    }

    public static StatisticsSet Estimate(LoadedNetwork loaded, PhotoSet photos, IReadOnlyList<string> layers, int samples) => Terminal.Progress(
        $"estimating {string.Join(", ", layers.Select(loaded.Network.Resolve))}", Math.Min(samples, photos.Files.Count), bar => Estimation.Run(
            loaded, photos, layers, samples, new ProgressRelay<long>(images => bar.Report(images)), Halved, NamedPhotos.WarnLeftOut, Interrupt.Token));

    /// <summary>Tells that the device has no room for the usual number of images.</summary>
    public static void Halved(int left) => Terminal.Say($"the device's memory is full: going on with {left} images at a time.");
}
