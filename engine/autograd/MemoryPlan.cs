namespace Engine.Autograd;

/// <summary>A buffer's needs: how many numbers, and the first and last moment at which they must be there.</summary>
internal readonly record struct Lifetime(long Count, int Birth, int Death)
{
    public bool Meets(Lifetime other) => Birth <= other.Death && other.Birth <= Death;
}

/// <summary>
/// Places buffers in one arena so that any two alive at the same moment lie apart: the largest first, each at the lowest
/// offset that fits. Optimal placement is NP-hard; for the chains that networks are, this comes within a few percent.
/// </summary>
internal static class MemoryPlan
{
    /// <summary>Numbers to a 256-byte line: what the widest vector loads and cuDNN's engines ask of a pointer.</summary>
    private const long Alignment = 64;

    /// <returns>The offset of each buffer and the size of the arena, in numbers.</returns>
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
