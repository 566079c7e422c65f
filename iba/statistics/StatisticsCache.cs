using System.Text;
using Iba.Datasets;
using Iba.Engine.Files;

namespace Iba.Statistics;

/// <summary>
/// A file of feature statistics in a cache folder. Its name is a hash of everything that decides the numbers: weights, layer, preprocessing, arithmetic,
/// this library's version, and of each photo the path, size, time of the last write and time of the last change (ctime), which no program can set back.
/// </summary>
public sealed class StatisticsCache
{
    internal static readonly string Version = typeof(StatisticsCache).Assembly.GetName().Version!.ToString();

    /// <param name="folder">The cache folder. It is created when a file is written.</param>
    /// <param name="classifier">The network, and how its photos are prepared.</param>
    /// <param name="photos">The photos that the statistics are estimated from.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="samples">The number of photos to use at most.</param>
    public StatisticsCache(string folder, Classifier classifier, PhotoSet photos, string layer, int samples = FeatureStatistics.UsualSamples)
    {
        var key = new StringBuilder($"{classifier.WeightsSha256} {classifier.Network.Resolve(layer)} {classifier.Preprocessing} {classifier.Rotate} "
            + $"{samples} {classifier.Arithmetic} {Version}\n");
        foreach (FileInfo photo in photos.Files.Select(image => new FileInfo(image.Path)))
            key.Append($"{photo.FullName} {photo.Length} {photo.LastWriteTimeUtc.Ticks} {FileStatus.Of(photo.FullName)?.ChangedNanoseconds}\n");
        string hash = Sha256Hash.Hex(Encoding.UTF8.GetBytes(key.ToString()));
        FilePath = Path.Combine(folder, $"{classifier.Network.Name}-{hash[..16]}.safetensors");
    }

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>The statistics in the file; null if there is none.</summary>
    /// <exception cref="StatisticsException">The file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read, or is damaged.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public FeatureStatistics? Find() => File.Exists(FilePath) ? FeatureStatistics.Load(FilePath) : null;

    /// <summary>Writes the file.</summary>
    /// <returns>The same statistics.</returns>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    public FeatureStatistics Keep(FeatureStatistics statistics)
    {
        statistics.Save(FilePath);
        return statistics;
    }
}
