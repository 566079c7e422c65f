namespace Iba.Bottleneck;

/// <summary>An endless sequence of examples: every epoch contains all of them in a new random order.</summary>
/// <param name="count">Examples, at least 1.</param>
/// <param name="seed">The same seed gives the same orders everywhere.</param>
public sealed class ReadoutOrder(int count, ulong seed)
{
    /// <summary>Makes this random sequence independent of that of the initial parameters.</summary>
    private const ulong Row = 1 << 16;

    private long _epoch = -1;
    private int[] _order = [];

    /// <summary>The example at a position.</summary>
    public int this[long position]
    {
        get
        {
            long epoch = position / count;
            if (epoch != _epoch)
            {
                SplitMix random = new SplitMix(seed).Fork(Row + (ulong)epoch);
                _order = [.. Enumerable.Range(0, count).OrderBy(i => random.Bits((ulong)i))];
                _epoch = epoch;
            }
            return _order[position % count];
        }
    }
}
