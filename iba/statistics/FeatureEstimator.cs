namespace Iba.Statistics;

/// <summary>
/// Mean, standard deviation and activity of every neuron of a layer, updated image by image (Welford's algorithm in double), and the root mean
/// square over the images in which the neuron was active.
/// </summary>
public sealed class FeatureEstimator
{
    private readonly double[] _mean;
    private readonly double[] _squaredDeviations;
    private readonly double[] _squares;
    private readonly long[] _nonzero;

    /// <param name="neurons">Neurons of the layer, H x W x C.</param>
    public FeatureEstimator(int neurons)
    {
        _mean = new double[neurons];
        _squaredDeviations = new double[neurons];
        _squares = new double[neurons];
        _nonzero = new long[neurons];
    }

    /// <summary>Images seen.</summary>
    public long Samples { get; private set; }

    /// <summary>Adds the features of some images, one image after the other.</summary>
    /// <param name="features">Images x neurons values.</param>
    /// <exception cref="StatisticsException">A value is not finite; then no image is added.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        if (features.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) is >= 0 and var at)
        {
            throw new StatisticsException(
                $"image {Samples + at / _mean.Length} of those seen", $"it makes neuron {at % _mean.Length} {features[at]}, and features must be finite",
                "Check the weights: iba weights verify FILE");
        }
        for (; features.Length >= _mean.Length; features = features[_mean.Length..])
        {
            Samples++;
            double share = 1.0 / Samples;
            for (int i = 0; i < _mean.Length; i++)
            {
                double x = features[i];
                double deviation = x - _mean[i];
                _mean[i] += deviation * share;
                _squaredDeviations[i] += deviation * (x - _mean[i]);
                _squares[i] += x * x;
                _nonzero[i] += x != 0 ? 1 : 0;
            }
        }
    }

    /// <summary>The statistics of the images so far.</summary>
    /// <param name="origin">The network, layer and photos of the features.</param>
    /// <exception cref="InvalidOperationException">Fewer than two images were added: a standard deviation needs two.</exception>
    public FeatureStatistics Finish(FeatureOrigin origin)
    {
        if (Samples < 2)
            throw new InvalidOperationException($"{Samples} images were seen; a standard deviation needs at least 2. Give more images.");
        return new FeatureStatistics(
            origin,
            Samples,
            [.. _mean.Select(mean => (float)mean)],
            [.. _squaredDeviations.Select(sum => (float)Math.Sqrt(sum / (Samples - 1)))],
            [.. _squares.Zip(_nonzero, (sum, on) => (float)Math.Sqrt(Math.Max(sum, SmallestSquares) / Math.Max(on, 1)))],
            [.. _nonzero.Select(on => (float)((double)on / Samples))]);
    }

    /// <summary>The sum of squares that the paper's code uses for a neuron that was never active.</summary>
    private const double SmallestSquares = 1e-5;
}
