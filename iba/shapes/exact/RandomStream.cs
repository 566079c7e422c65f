namespace Iba.Shapes.Exact;

/// <summary>
/// Counter-based random numbers: draw n of a stream is a hash of (key, n), so nothing depends on threads or on what other streams did.
/// The hash is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
/// </summary>
internal sealed class RandomStream(ulong key)
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private ulong _drawn;

    /// <summary>The stream of image <paramref name="index"/> in the data set of <paramref name="seed"/>.</summary>
    public RandomStream(ulong seed, long index) : this(Hash(Hash(seed + GoldenGamma) + (ulong)index * GoldenGamma)) { }

    /// <summary>An independent stream for one subject: drawing more there leaves every other subject as it was.</summary>
    public RandomStream Fork(ulong subject) => new(Hash(key ^ Hash(subject + GoldenGamma)));

    public ulong Next() => Hash(key + ++_drawn * GoldenGamma);

    /// <summary>Uniform in [0, 1), a multiple of 2⁻⁵³.</summary>
    public double Uniform() => (Next() >> 11) * (1.0 / (1ul << 53));

    public double Uniform(double from, double to) => from + (to - from) * Uniform();

    /// <summary>Uniform in 0 .. count - 1.</summary>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    public bool Chance(double probability) => Uniform() < probability;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    private static ulong Hash(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
