using System.Diagnostics;

namespace Engine.Backends.Cpu;

/// <summary>
/// A linear map along one axis as a sparse matrix: entry i of the result is the sum of Weights[k] times entry Sources[k] for k from
/// Starts[i] to Starts[i + 1] - 1. Blur, bilinear resize and average pooling are one such map along H and one along W, and the
/// gradient of each is the transposed map, exactly, borders included.
/// </summary>
internal sealed class AxisMap
{
    private AxisMap(int[] starts, int[] sources, float[] weights) => (Starts, Sources, Weights) = (starts, sources, weights);

    /// <summary>Which map.</summary>
    public enum Kind
    {
        /// <summary>A convolution with symmetric taps, mirrored about the centre of the edge pixel.</summary>
        Mirror,

        /// <summary>Bilinear interpolation between pixels as areas.</summary>
        HalfPixel,

        /// <summary>Bilinear interpolation between pixels as points.</summary>
        Aligned,

        /// <summary>The mean over equal bins.</summary>
        Bins,
    }

    public int[] Starts { get; }

    public int[] Sources { get; }

    public float[] Weights { get; }

    /// <summary>The map of an axis of <paramref name="from"/> pixels to one of <paramref name="to"/>.</summary>
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

    /// <summary>The map the other way: its entries are the sources of this one, <paramref name="count"/> in number.</summary>
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

    private static void Between(int i, double place, int from, List<(int To, int From, double Weight)> entries)
    {
        int left = Math.Min((int)place, from - 1);
        int right = Math.Min(left + 1, from - 1);
        double share = place - left;
        entries.Add((i, left, 1 - share));
        entries.Add((i, right, share));
    }

    /// <summary>-1 is 1, and extent is extent - 2: the reflection of a place outside, for less than an extent outside.</summary>
    private static int Mirrored(int place, int extent) => place < 0 ? -place : place >= extent ? 2 * (extent - 1) - place : place;

    /// <summary>
    /// Sorted by row, then column; entries at the same place are summed. A weight of 0 stays: 0 times infinity is NaN, as in PyTorch.
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
