namespace Iba.Images;

/// <summary>A rectangle of whole pixels, from the top left corner.</summary>
public readonly record struct PixelWindow(int Left, int Top, int Width, int Height);

/// <summary>
/// Pillow's <c>Image.resize(size, BILINEAR)</c> for 8-bit images, equal to the last bit: a triangle filter that widens when
/// shrinking, weights in fixed point with 22 fractional bits, rows first and then columns, rounded to 8 bits after each.
/// </summary>
public static class PillowResize
{
    private const int FractionalBits = 22;

    /// <summary>Resizes an image, H x W x C interleaved.</summary>
    public static byte[] Bilinear(ReadOnlySpan<byte> pixels, int width, int height, int channels, int toWidth, int toHeight) =>
        Bilinear(pixels, width, height, channels, toWidth, toHeight, new PixelWindow(0, 0, toWidth, toHeight));

    /// <summary>Resizes an image, H x W x C interleaved, and returns only a window of the result; only what it needs is computed.</summary>
    /// <param name="pixels">H x W x C bytes.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="channels">C: 3 for RGB, 1 for a mask.</param>
    /// <param name="toWidth">The width of the whole result.</param>
    /// <param name="toHeight">The height of the whole result.</param>
    /// <param name="window">The part of the result that is wanted, inside it.</param>
    /// <exception cref="ArgumentException">The extents do not fit the pixels or each other.</exception>
    public static byte[] Bilinear(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, int toWidth, int toHeight, PixelWindow window)
    {
        if (width <= 0 || height <= 0 || channels <= 0 || pixels.Length != (long)width * height * channels)
            throw new ArgumentException($"PillowResize: {pixels.Length} bytes cannot be {width} x {height} pixels of {channels} channels");
        if (window.Left < 0 || window.Top < 0 || window.Width <= 0 || window.Height <= 0
            || window.Width > toWidth - window.Left || window.Height > toHeight - window.Top)
            throw new ArgumentException($"PillowResize: {window} is not inside the result of {toWidth} x {toHeight} pixels");

        var columns = new Taps(width, toWidth, window.Left, window.Width);
        var rows = new Taps(height, toHeight, window.Top, window.Height);
        (int firstRow, int endRow) = rows.Reach;
        byte[] narrow = Horizontal(pixels, width, channels, columns, firstRow, endRow);
        return Vertical(narrow, window.Width * channels, rows, firstRow);
    }

    private static byte[] Horizontal(ReadOnlySpan<byte> pixels, int width, int channels, Taps columns, int firstRow, int endRow)
    {
        byte[] result = new byte[(endRow - firstRow) * columns.Count * channels];
        int to = 0;
        for (int y = firstRow; y < endRow; y++)
        {
            ReadOnlySpan<byte> row = pixels.Slice(y * width * channels, width * channels);
            for (int x = 0; x < columns.Count; x++)
            {
                ReadOnlySpan<int> weights = columns.Weights(x);
                ReadOnlySpan<byte> from = row.Slice(columns.First(x) * channels, weights.Length * channels);
                if (channels == 3)
                {
                    int r = Half, g = Half, b = Half;
                    for (int k = 0, i = 0; k < weights.Length; k++, i += 3)
                    {
                        r += from[i] * weights[k];
                        g += from[i + 1] * weights[k];
                        b += from[i + 2] * weights[k];
                    }
                    (result[to], result[to + 1], result[to + 2]) = (Round(r), Round(g), Round(b));
                }
                else
                {
                    for (int c = 0; c < channels; c++)
                    {
                        int sum = Half;
                        for (int k = 0; k < weights.Length; k++)
                            sum += from[k * channels + c] * weights[k];
                        result[to + c] = Round(sum);
                    }
                }
                to += channels;
            }
        }
        return result;
    }

    private static byte[] Vertical(byte[] narrow, int stride, Taps rows, int firstRow)
    {
        byte[] result = new byte[rows.Count * stride];
        int[] sums = new int[stride];
        for (int y = 0; y < rows.Count; y++)
        {
            ReadOnlySpan<int> weights = rows.Weights(y);
            sums.AsSpan().Fill(Half);
            for (int k = 0; k < weights.Length; k++)
            {
                ReadOnlySpan<byte> from = narrow.AsSpan((rows.First(y) - firstRow + k) * stride, stride);
                for (int i = 0; i < from.Length; i++)
                    sums[i] += from[i] * weights[k];
            }
            Span<byte> to = result.AsSpan(y * stride, stride);
            for (int i = 0; i < to.Length; i++)
                to[i] = Round(sums[i]);
        }
        return result;
    }

    private const int Half = 1 << (FractionalBits - 1);

    // The weights are not negative, so only rounding of their sum can pass 255.
    private static byte Round(int sum) => (byte)Math.Min(sum >> FractionalBits, 255);

    /// <summary>Which input pixels make an output pixel, and with what weights (Pillow: precompute_coeffs, normalize_coeffs_8bpc).</summary>
    private sealed class Taps
    {
        private readonly int _stride;
        private readonly int[] _first, _lengths, _weights;

        public Taps(int from, int to, int firstOutput, int count)
        {
            Count = count;
            double scale = (double)from / to, support = Math.Max(scale, 1);
            _stride = Math.Min((int)Math.Ceiling(support) * 2 + 1, from);
            (_first, _lengths, _weights) = (new int[count], new int[count], new int[count * _stride]);
            double[] exact = new double[_stride];
            for (int x = 0; x < count; x++)
            {
                double centre = (firstOutput + x + 0.5) * scale;
                int first = Math.Max((int)(centre - support + 0.5), 0);
                int length = Math.Min((int)(centre + support + 0.5), from) - first;
                double total = 0;
                for (int k = 0; k < length; k++)
                {
                    // Pillow multiplies by the reciprocal; dividing would round differently.
                    exact[k] = Math.Max(1 - Math.Abs((k + first - centre + 0.5) * (1 / support)), 0);
                    total += exact[k];
                }
                for (int k = 0; k < length; k++)
                    _weights[x * _stride + k] = (int)(0.5 + exact[k] / total * (1 << FractionalBits));
                (_first[x], _lengths[x]) = (first, length);
            }
        }

        public int Count { get; }

        public (int First, int End) Reach => (_first[0], _first[^1] + _lengths[^1]);

        public int First(int output) => _first[output];

        public ReadOnlySpan<int> Weights(int output) => _weights.AsSpan(output * _stride, _lengths[output]);
    }
}
