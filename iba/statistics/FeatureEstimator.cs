using Iba.Engine.Files;
using Iba.Engine.Tensors;

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

    /// <summary>
    /// Adds the images of another estimator, as if they followed this one's; both sums differ by rounding only (Chan, Golub and LeVeque 1979,
    /// "Updating formulae and a pairwise algorithm for computing sample variances", equation 2.1).
    /// </summary>
    /// <param name="other">The estimator, of the same layer; it stays as it is.</param>
    /// <exception cref="ArgumentException">It has another number of neurons.</exception>
    public void Merge(FeatureEstimator other)
    {
        if (other._mean.Length != _mean.Length)
            throw new ArgumentException($"an estimator of {other._mean.Length} neurons cannot be added to one of {_mean.Length}");
        if (other.Samples == 0)
            return;
        long samples = Samples + other.Samples;
        double share = (double)other.Samples / samples;
        for (int i = 0; i < _mean.Length; i++)
        {
            double apart = other._mean[i] - _mean[i];
            _mean[i] += apart * share;
            _squaredDeviations[i] += other._squaredDeviations[i] + apart * apart * (Samples * share);
            _squares[i] += other._squares[i];
            _nonzero[i] += other._nonzero[i];
        }
        Samples = samples;
    }

    /// <summary>Mean, sum of squared deviations from it, and sum of squares of each neuron, as they are kept.</summary>
    internal IReadOnlyList<double[]> State => [_mean, _squaredDeviations, _squares];

    /// <summary>The state as tensors of a file, H x W x C each. <see cref="Samples"/> is not among them.</summary>
    /// <param name="shape">(1, H, W, C) of one image's features.</param>
    internal IReadOnlyList<SafetensorsTensor> Tensors(Shape shape)
    {
        int[] extents = [.. shape.Dims[1..]];
        return
        [
            new(MeanName, extents, _mean), new(DeviationsName, extents, _squaredDeviations), new(SquaresName, extents, _squares),
            new(NonzeroName, extents, _nonzero),
        ];
    }

    /// <summary>The extents of the tensors in a file, H x W x C; null if it has none.</summary>
    internal static int[]? Extents(SafetensorsFile file) => file.TryGet(MeanName, out SafetensorsEntry? entry) && entry.Shape.Length == 3 ? entry.Shape : null;

    /// <summary>Reads the <see cref="Tensors"/> of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="neurons">Neurons of the layer.</param>
    /// <param name="samples">Images seen.</param>
    /// <exception cref="InvalidDataException">A tensor has another size, or a value that no images give.</exception>
    /// <exception cref="FileFormatException">A tensor is missing or has another type.</exception>
    internal static FeatureEstimator Read(SafetensorsFile file, int neurons, long samples)
    {
        var read = new FeatureEstimator(neurons) { Samples = samples };
        Fill(MeanName, read._mean, double.MinValue);
        Fill(DeviationsName, read._squaredDeviations, 0);
        Fill(SquaresName, read._squares, 0);
        long[] nonzero = file.ReadInt64(NonzeroName);
        if (nonzero.Length != neurons || nonzero.AsSpan().ContainsAnyExceptInRange(0, samples))
            throw new InvalidDataException($"tensor '{NonzeroName}' does not hold {neurons} counts from 0 to {samples}");
        nonzero.CopyTo(read._nonzero, 0);
        return read;

        void Fill(string name, double[] to, double least)
        {
            double[] values = file.ReadDoubles(name);
            if (values.Length != neurons || values.AsSpan().ContainsAnyExceptInRange(least, double.MaxValue))
                throw new InvalidDataException($"tensor '{name}' does not hold {neurons} finite numbers{(least == 0 ? " of at least 0" : "")}");
            values.CopyTo(to, 0);
        }
    }

    private const string MeanName = "mean", DeviationsName = "squared_deviations", SquaresName = "squares", NonzeroName = "nonzero";

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
