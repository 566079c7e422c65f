namespace Iba.Images;

/// <summary>How a map is extended outside its border.</summary>
public enum MapBorder
{
    /// <summary>Mirrored about the centre of the edge pixel (sample -1 is sample 1), as skimage.transform.resize does by default.</summary>
    Mirror,
    /// <summary>The edge pixel is replicated, as in OpenCV. Enlarging by integer factors then keeps the map's mean exactly.</summary>
    Replicate,
}

/// <summary>
/// Bilinear interpolation of a small map between half-pixel centres, in double precision. With <see cref="MapBorder.Mirror"/> it is
/// skimage.transform.resize(order=1, preserve_range=True), which the published IBA package uses for its saliency maps.
/// </summary>
/// <remarks>
/// Shrinking widens the triangle by the shrinking factor, so that every sample of the map counts. This is not what skimage
/// does there (it smooths with a Gaussian first); no result of the paper shrinks a map.
/// </remarks>
public sealed class MapResize
{
    private readonly double[] _map;
    private readonly Axis _x, _y;

    /// <summary>Prepares the interpolation of a map.</summary>
    /// <param name="map">h x w values, row by row. NaN spreads to the pixels that it touches.</param>
    /// <param name="height">h.</param>
    /// <param name="width">w.</param>
    /// <param name="window">Where the map lies in the result, in pixels of the result. Outside, rows hold NaN.</param>
    /// <param name="toHeight">Rows of the result.</param>
    /// <param name="toWidth">Pixels per row of the result.</param>
    /// <param name="border">How the map is extended outside its border.</param>
    /// <exception cref="ArgumentException">The extents are not positive, or the map does not fill them.</exception>
    public MapResize(ReadOnlySpan<double> map, int height, int width, PhotoWindow window, int toHeight, int toWidth, MapBorder border)
    {
        if (height <= 0 || width <= 0 || toHeight <= 0 || toWidth <= 0 || map.Length != (long)height * width)
            throw new ArgumentException($"MapResize: {map.Length} values, {height} x {width}, cannot become {toHeight} x {toWidth}");
        if (!(window.Width > 0 && window.Height > 0))
            throw new ArgumentException($"MapResize: {window} is empty");
        _x = new Axis(width, window.Left, window.Width, toWidth, border);
        _y = new Axis(height, window.Top, window.Height, toHeight, border);
        // Horizontally first: the intermediate result (h x W) stays small, and each row of the result can be computed on its own.
        _map = new double[height * toWidth];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < toWidth; x++)
                _map[y * toWidth + x] = _x.Interpolate(x, map[(y * width)..], 1);
        }
    }

    /// <summary>Interpolates a whole map.</summary>
    /// <returns>H x W values.</returns>
    public static double[] Enlarge(
        ReadOnlySpan<double> map, int height, int width, int toHeight, int toWidth, MapBorder border = MapBorder.Mirror)
    {
        var resize = new MapResize(map, height, width, new PhotoWindow(0, 0, toWidth, toHeight), toHeight, toWidth, border);
        double[] result = new double[toHeight * toWidth];
        for (int y = 0; y < toHeight; y++)
            resize.Row(y, result.AsSpan(y * toWidth, toWidth));
        return result;
    }

    /// <summary>Writes one row of the result, W values; NaN outside the window.</summary>
    public void Row(int y, Span<double> row)
    {
        for (int x = 0; x < row.Length; x++)
            row[x] = _x.Covers(x) && _y.Covers(y) ? _y.Interpolate(y, _map.AsSpan(x), row.Length) : double.NaN;
    }

    /// <summary>Whether a pixel of the result is in the window.</summary>
    public bool Covers(int x, int y) => _x.Covers(x) && _y.Covers(y);

    /// <summary>The samples of each output and their weights. The border is already resolved in the indices.</summary>
    private sealed class Axis
    {
        private readonly int _taps, _start, _end;
        private readonly int[] _indices;
        private readonly double[] _weights;

        public Axis(int samples, double left, double width, int outputs, MapBorder border)
        {
            double scale = samples / width, reach = Math.Max(scale, 1);
            _taps = (int)Math.Min(Math.Ceiling(2 * reach), 2 * samples + 2);
            (_indices, _weights) = (new int[outputs * _taps], new double[outputs * _taps]);
            // An output is covered when its centre is inside the window.
            _start = (int)Math.Clamp(Math.Ceiling(left - 0.5), 0, outputs);
            _end = (int)Math.Clamp(Math.Ceiling(left + width - 0.5), 0, outputs);
            for (int x = _start; x < _end; x++)
            {
                double centre = (x + 0.5 - left) * scale - 0.5, total = 0;
                int first = (int)Math.Floor(centre - reach) + 1;
                for (int k = 0; k < _taps; k++)
                {
                    double weight = Math.Max(1 - Math.Abs(first + k - centre) / reach, 0);
                    _indices[x * _taps + k] = Inside(first + k, samples, border);
                    _weights[x * _taps + k] = weight;
                    total += weight;
                }
                for (int k = 0; k < _taps; k++)
                    _weights[x * _taps + k] /= total;
            }
        }

        public bool Covers(int output) => _start <= output && output < _end;

        public double Interpolate(int output, ReadOnlySpan<double> samples, int stride)
        {
            double sum = 0;
            for (int k = output * _taps; k < (output + 1) * _taps; k++)
            {
                // A sample of weight 0 is left out: 0 times NaN would be NaN.
                if (_weights[k] > 0)
                    sum += _weights[k] * samples[_indices[k] * stride];
            }
            return sum;
        }

        private static int Inside(int index, int samples, MapBorder border)
        {
            if (border == MapBorder.Replicate || samples == 1)
                return Math.Clamp(index, 0, samples - 1);
            int period = 2 * (samples - 1);
            index = ((index % period) + period) % period;
            return Math.Min(index, period - index);
        }
    }
}
