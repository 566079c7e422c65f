namespace Iba.Engine.Autograd;

/// <summary>A buffer's size in float32 elements, and the first and last moment at which it is in use.</summary>
internal readonly record struct Lifetime(long Count, int Birth, int Death)
{
    public bool Meets(Lifetime other) => Birth <= other.Death && other.Birth <= Death;
}

/// <summary>
/// Places buffers in one arena so that buffers alive at the same moment do not overlap: largest first, each at the lowest offset that fits.
/// Optimal placement is NP-hard; for chain-like networks the greedy result is within a few percent of the optimum.
/// </summary>
internal static class MemoryPlan
{
    /// <summary>Elements in 256 bytes: the alignment of the widest vector loads and of cuDNN's engines.</summary>
    private const long Alignment = 64;

    /// <returns>The offset of each buffer and the size of the arena, in elements.</returns>
    public static (long[] Offsets, long Size) Fit(IReadOnlyList<Lifetime> buffers)
    {
        var offsets = new long[buffers.Count];
        var placed = new List<int>();
        long size = 0;

        foreach (int buffer in Enumerable.Range(0, buffers.Count).OrderByDescending(i => buffers[i].Count))
        {
            Lifetime life = buffers[buffer];
            long offset = 0;
            foreach (int other in placed.Where(other => buffers[other].Meets(life)).OrderBy(other => offsets[other]))
            {
                if (offset + life.Count <= offsets[other])
                    break;
                offset = Math.Max(offset, RoundUp(offsets[other] + buffers[other].Count));
            }

            offsets[buffer] = offset;
            placed.Add(buffer);
            size = Math.Max(size, offset + life.Count);
        }
        return (offsets, size);
    }

    private static long RoundUp(long count) => (count + Alignment - 1) / Alignment * Alignment;
}
