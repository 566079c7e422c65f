using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Images;
using Iba.Statistics;

namespace Iba.Evaluation;

/// <summary>
/// Feature statistics of random networks, for the sanity check of the per-sample bottleneck: those of the trained network do not describe the features
/// of a layer whose weights are random. Each is estimated once and kept, 20 bytes a neuron.
/// </summary>
/// <param name="classifier">The trained network, and how its photos are prepared.</param>
/// <param name="photos">The photos to estimate from.</param>
/// <param name="samples">The number of photos to use at most, spread evenly.</param>
public sealed class Restimation(Classifier classifier, PhotoSet photos, int samples = FeatureStatistics.UsualSamples)
{
    private readonly Dictionary<(string Point, string Layer), FeatureStatistics> _kept = [];

    /// <summary>
    /// The first 64 bits of the SHA-256 of the photos' own SHA-256s, in hexadecimal: what decides the numbers besides the network. All photos are read.
    /// </summary>
    /// <exception cref="ImageException">A photo cannot be read.</exception>
    public string Id => field ??= Hash();

    /// <summary>The statistics of a layer of a random network.</summary>
    /// <param name="random">The random network.</param>
    /// <param name="point">Its first layer with random weights: with the trained network and a seed, all that it depends on.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InvalidOperationException">There are fewer than two photos.</exception>
    internal FeatureStatistics Of(Network random, string point, string layer, CancellationToken cancellation)
    {
        if (!_kept.TryGetValue((point, layer), out FeatureStatistics? known))
        {
            _kept[(point, layer)] = known = Estimation.Run(random, layer, classifier.Image, photos.Inputs(classifier, samples, null, cancellation),
                preprocessing: classifier.Preprocessing, cancellation: cancellation);
        }
        return known;
    }

    private string Hash()
    {
        using var hash = new Sha256Hash();
        foreach (ImageFile file in photos.Spread(samples))
            hash.Add(Convert.FromHexString(PhotoFile.Open(file.Path).Sha256));
        return Convert.ToHexStringLower(hash.Take()[..8]);
    }
}
