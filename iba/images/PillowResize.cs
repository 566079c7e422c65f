using System.Runtime.Intrinsics;

namespace Iba.Images;

/// <summary>A rectangle of whole pixels, from the top left corner.</summary>
public readonly record struct PixelWindow(int Left, int Top, int Width, int Height);

/// <summary>
/// Pillow's <c>Image.resize(size, BILINEAR)</c> for 8-bit images, equal to the last bit: a triangle filter that widens when
/// shrinking, weights in fixed point with 22 fractional bits, rows first and then columns, rounded to 8 bits after each.
/// </summary>
/// <remarks>It consumes rows as they are decoded and keeps only the sums that are not complete yet: a few lines of the result.</remarks>
public sealed class PillowResize : IPhotoRows
{
    private const int FractionalBits = 22;

    private readonly Taps _columns, _rows;
    private readonly Upright _upright;
    private readonly int _storedHeight, _channels, _left, _top, _width;
    private readonly int[]?[] _sums;
    private readonly int[] _summed;
    private readonly Stack<int[]> _free = [];
    private readonly byte[] _narrow, _line;
    private byte[]? _reversed;

    /// <summary>Prepares to resize a picture that is passed row by row.</summary>
    /// <param name="width">Width of the picture, upright.</param>
    /// <param name="height">Height of the picture, upright.</param>
    /// <param name="channels">C: 3 for RGB, 1 for a mask.</param>
    /// <param name="toWidth">The width of the whole result.</param>
    /// <param name="toHeight">The height of the whole result.</param>
    /// <param name="window">The part of the result to compute. It may extend outside, but must overlap the result.</param>
    /// <param name="orientation">The EXIF orientation of the rows.</param>
    internal PillowResize(
        int width, int height, int channels, int toWidth, int toHeight, PixelWindow window, Orientation orientation = Orientation.Upright)
    {
        (_channels, _upright, _width) = (channels, new Upright(orientation), window.Width);
        _storedHeight = _upright.Extents(width, height).Height;
        (_left, _top) = (Math.Max(-window.Left, 0), Math.Max(-window.Top, 0));
        _columns = new Taps(width, toWidth, Math.Max(window.Left, 0), Inside(window.Left, window.Width, toWidth));
        _rows = new Taps(height, toHeight, Math.Max(window.Top, 0), Inside(window.Top, window.Height, toHeight));
        (Taps summed, Taps other) = _upright.Transposed ? (_columns, _rows) : (_rows, _columns);
        (_sums, _summed, _narrow) = (new int[summed.Count][], new int[summed.Count], new byte[other.Count * channels]);
        _line = new byte[(_upright.Transposed ? other.Reach.End - other.Reach.First : other.Count) * channels];
        Result = new byte[window.Width * window.Height * channels];

        static int Inside(int start, int length, int extent) => Math.Min(start + length, extent) - Math.Max(start, 0);
    }

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
    /// <param name="window">The part of the result to compute, inside it.</param>
    /// <exception cref="ArgumentException">The extents do not fit the pixels or each other.</exception>
    public static byte[] Bilinear(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, int toWidth, int toHeight, PixelWindow window)
    {
        if (width <= 0 || height <= 0 || channels <= 0 || pixels.Length != (long)width * height * channels)
            throw new ArgumentException($"PillowResize: {pixels.Length} bytes cannot be {width} x {height} pixels of {channels} channels");
        if (window.Left < 0 || window.Top < 0 || window.Width <= 0 || window.Height <= 0
            || window.Width > toWidth - window.Left || window.Height > toHeight - window.Top)
            throw new ArgumentException($"PillowResize: {window} is not inside the result of {toWidth} x {toHeight} pixels");

        var resize = new PillowResize(width, height, channels, toWidth, toHeight, window);
        for (int y = 0; y < height; y++)
            resize.Add(y, pixels.Slice(y * width * channels, width * channels));
        return resize.Result;
    }

    /// <summary>Receives a row of the stored picture. <see cref="Result"/> is complete after the last row.</summary>
    public void Add(int y, ReadOnlySpan<byte> row)
    {
        if (_upright.FromBottom)
            y = _storedHeight - 1 - y;
        if (_upright.FromRight)
            row = Reversed(row);
        if (_upright.Transposed)
        {
            // The row is a column of the upright picture, so its pixels are resized last. Only those that the window needs are summed.
            (int first, int end) = _rows.Reach;
            Sum(_columns, y, row[(first * _channels)..(end * _channels)]);
        }
        else if (_rows.Takes(y))
        {
            Along(_columns, row, 0, _narrow);
            Sum(_rows, y, _narrow);
        }
    }

    /// <summary>The window of the result, H x W x C; 0 outside the picture.</summary>
    public byte[] Result { get; }

    private ReadOnlySpan<byte> Reversed(ReadOnlySpan<byte> row)
    {
        _reversed ??= new byte[row.Length];
        for (int from = 0, to = row.Length - _channels; to >= 0; from += _channels, to -= _channels)
            row.Slice(from, _channels).CopyTo(_reversed.AsSpan(to));
        return _reversed;
    }

    /// <summary>Adds a line to the sums of all outputs in which it has a weight. The sums are integers, so their order does not matter.</summary>
    private void Sum(Taps taps, int input, ReadOnlySpan<byte> line)
    {
        for (int output = taps.FirstOutput(input); output < taps.Count && taps.First(output) <= input; output++)
        {
            if (_sums[output] is not { } sums)
            {
                _sums[output] = sums = _free.TryPop(out int[]? used) ? used : new int[line.Length];
                sums.AsSpan().Fill(Half);
            }
            ReadOnlySpan<int> weights = taps.Weights(output);
            AddProduct(line, weights[input - taps.First(output)], sums);
            if (++_summed[output] == weights.Length)
            {
                Finish(output, sums);
                _free.Push(sums);
                _sums[output] = null;
            }
        }
    }

    private static void AddProduct(ReadOnlySpan<byte> line, int weight, Span<int> sums)
    {
        int i = 0;
        for (; i + Vector128<byte>.Count <= line.Length; i += Vector128<byte>.Count)
        {
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Create(line[i..]));
            Add(Vector128.WidenLower(low), sums[i..]);
            Add(Vector128.WidenUpper(low), sums[(i + 4)..]);
            Add(Vector128.WidenLower(high), sums[(i + 8)..]);
            Add(Vector128.WidenUpper(high), sums[(i + 12)..]);
        }
        for (; i < line.Length; i++)
            sums[i] += line[i] * weight;

        void Add(Vector128<uint> some, Span<int> to) => (Vector128.Create(to) + some.AsInt32() * weight).CopyTo(to);
    }

    /// <summary>Rounds the sums of an output and stores them.</summary>
    private void Finish(int output, int[] sums)
    {
        for (int i = 0; i < sums.Length; i++)
            _line[i] = Round(sums[i]);
        if (!_upright.Transposed)
        {
            _line.CopyTo(Result.AsSpan(((_top + output) * _width + _left) * _channels));
            return;
        }
        Along(_rows, _line, _rows.Reach.First, _narrow);
        for (int y = 0; y < _rows.Count; y++)
            _narrow.AsSpan(y * _channels, _channels).CopyTo(Result.AsSpan(((_top + y) * _width + _left + output) * _channels));
    }

    /// <summary>Resizes the pixels of a line, which starts with pixel <paramref name="start"/>.</summary>
    private void Along(Taps taps, ReadOnlySpan<byte> line, int start, Span<byte> result)
    {
        for (int x = 0, to = 0; x < taps.Count; x++, to += _channels)
        {
            ReadOnlySpan<int> weights = taps.Weights(x);
            ReadOnlySpan<byte> from = line.Slice((taps.First(x) - start) * _channels, weights.Length * _channels);
            if (_channels == 3)
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
                for (int c = 0; c < _channels; c++)
                {
                    int sum = Half;
                    for (int k = 0; k < weights.Length; k++)
                        sum += from[k * _channels + c] * weights[k];
                    result[to + c] = Round(sum);
                }
            }
        }
    }

    private const int Half = 1 << (FractionalBits - 1);

    // The weights are not negative, so the result can exceed 255 only because their sum is rounded.
    private static byte Round(int sum) => (byte)Math.Min(sum >> FractionalBits, 255);

    /// <summary>The input pixels of each output pixel and their weights (Pillow: precompute_coeffs, normalize_coeffs_8bpc).</summary>
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

        /// <summary>The inputs that contribute to the outputs.</summary>
        public (int First, int End) Reach => (_first[0], _first[^1] + _lengths[^1]);

        public bool Takes(int input) => input >= Reach.First && input < Reach.End;

        /// <summary>The first output whose inputs end after an input.</summary>
        public int FirstOutput(int input)
        {
            int low = 0, high = Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                (low, high) = _first[middle] + _lengths[middle] > input ? (low, middle) : (middle + 1, high);
            }
            return low;
        }

        public int First(int output) => _first[output];

        public ReadOnlySpan<int> Weights(int output) => _weights.AsSpan(output * _stride, _lengths[output]);
    }
}
