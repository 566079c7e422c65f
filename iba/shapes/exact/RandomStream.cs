namespace Iba.Shapes.Exact;

/// <summary>
/// Counter-based random numbers: number n of a stream is a hash of (key, n), so nothing depends on threads or on other streams.
/// </summary>
internal sealed class RandomStream(ulong key)
{
    private ulong _drawn;

    /// <summary>The stream of image <paramref name="index"/> in the data set of <paramref name="seed"/>.</summary>
    public RandomStream(ulong seed, long index) : this(SplitMix.Mix(SplitMix.Mix(seed + SplitMix.Gamma) + (ulong)index * SplitMix.Gamma)) { }

    /// <summary>An independent stream for one subject: drawing more numbers from it does not change other subjects.</summary>
    public RandomStream Fork(ulong subject) => new(SplitMix.Mix(key ^ SplitMix.Mix(subject + SplitMix.Gamma)));

    public ulong Next() => SplitMix.Mix(key + ++_drawn * SplitMix.Gamma);

    /// <summary>Uniform in [0, 1), a multiple of 2⁻⁵³.</summary>
    public double Uniform() => (Next() >> 11) * (1.0 / (1ul << 53));

    public double Uniform(double from, double to) => from + (to - from) * Uniform();

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    public bool Chance(double probability) => Uniform() < probability;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];
}
