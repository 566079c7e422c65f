using System.Diagnostics;

namespace Iba.Engine.Backends.Cpu;

/// <summary>
/// A linear map along one axis, as a sparse matrix: element i of the result is the sum of Weights[k] times element Sources[k] for k from
/// Starts[i] to Starts[i + 1] - 1. Blur, bilinear resize and average pooling apply one such map along H and one along W. Their gradients
/// apply the transposed maps, so they are exact, borders included.
/// </summary>
internal sealed class AxisMap
{
    private AxisMap(int[] starts, int[] sources, float[] weights) => (Starts, Sources, Weights) = (starts, sources, weights);

    /// <summary>The kinds of map.</summary>
    public enum Kind
    {
        /// <summary>A convolution with symmetric taps. The border is mirrored about the centre of the edge pixel.</summary>
        Mirror,

        /// <summary>Bilinear interpolation with pixels as areas.</summary>
        HalfPixel,

        /// <summary>The same; the border is mirrored about the centre of the edge pixel.</summary>
        Mirrored,

        /// <summary>Bilinear interpolation with pixels as points; the corners are aligned.</summary>
        Aligned,

        /// <summary>The mean over adaptive bins.</summary>
        Bins,
    }

    public int[] Starts { get; }

    public int[] Sources { get; }

    public float[] Weights { get; }

    /// <summary>The map from an axis of <paramref name="from"/> pixels to one of <paramref name="to"/> pixels.</summary>
    public static AxisMap Of(Kind kind, int from, int to, ReadOnlySpan<float> taps)
    {
        var entries = new List<(int To, int From, double Weight)>();
        for (int i = 0; i < to; i++)
        {
            switch (kind)
            {
                case Kind.Mirror:
                    for (int tap = 0; tap < taps.Length; tap++)
                        entries.Add((i, Mirrored(i + tap - taps.Length / 2, from), taps[tap]));
                    break;
                case Kind.HalfPixel:
                    Between(i, Math.Max((i + 0.5) * from / to - 0.5, 0), from, entries);
                    break;
                case Kind.Mirrored:
                    double position = (i + 0.5) * from / to - 0.5, left = Math.Floor(position);
                    entries.Add((i, Mirrored((int)left, from), 1 - (position - left)));
                    entries.Add((i, Mirrored((int)left + 1, from), position - left));
                    break;
                case Kind.Aligned:
                    Between(i, to == 1 ? 0 : (double)i * (from - 1) / (to - 1), from, entries);
                    break;
                case Kind.Bins:
                    int first = (int)((long)i * from / to);
                    int end = (int)(((long)(i + 1) * from + to - 1) / to);
                    for (int source = first; source < end; source++)
                        entries.Add((i, source, 1.0 / (end - first)));
                    break;
                default:
                    throw new UnreachableException();
            }
        }
        return Matrix(to, entries);
    }

    /// <summary>The transposed map. Its result has <paramref name="count"/> elements.</summary>
    public AxisMap Transposed(int count)
    {
        var entries = new List<(int To, int From, double Weight)>();
        for (int i = 0; i + 1 < Starts.Length; i++)
        {
            for (int k = Starts[i]; k < Starts[i + 1]; k++)
                entries.Add((Sources[k], i, Weights[k]));
        }
        return Matrix(count, entries);
    }

    private static void Between(int i, double position, int from, List<(int To, int From, double Weight)> entries)
    {
        int left = Math.Min((int)position, from - 1);
        int right = Math.Min(left + 1, from - 1);
        double share = position - left;
        entries.Add((i, left, 1 - share));
        entries.Add((i, right, share));
    }

    /// <summary>Reflects a position that is outside by less than an extent: -1 becomes 1, and extent becomes extent - 2.</summary>
    private static int Mirrored(int position, int extent) =>
        extent == 1 ? 0 : position < 0 ? -position : position >= extent ? 2 * (extent - 1) - position : position;

    /// <summary>
    /// Sorts by row, then column, and sums entries at the same position. A weight of 0 is kept: 0 times infinity is NaN, as in PyTorch.
    /// </summary>
    private static AxisMap Matrix(int rows, List<(int To, int From, double Weight)> entries)
    {
        (int To, int From, double Weight)[] sums =
        [
            .. entries.GroupBy(entry => (entry.To, entry.From))
                .Select(same => (same.Key.To, same.Key.From, Weight: same.Sum(entry => entry.Weight)))
                .OrderBy(entry => entry.To).ThenBy(entry => entry.From),
        ];
        int[] starts = new int[rows + 1];
        foreach ((int to, _, _) in sums)
            starts[to + 1]++;
        for (int i = 0; i < rows; i++)
            starts[i + 1] += starts[i];
        return new AxisMap(starts, [.. sums.Select(entry => entry.From)], [.. sums.Select(entry => (float)entry.Weight)]);
    }
}
