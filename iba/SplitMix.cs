namespace Iba;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014) as a function of a counter: the same values on every machine, in any order.</summary>
/// <param name="seed">The key.</param>
internal readonly struct SplitMix(ulong seed)
{
    /// <summary>The step of the counter, 2⁶⁴ divided by the golden ratio.</summary>
    public const ulong Gamma = 0x9E3779B97F4A7C15;

    /// <summary>SplitMix64's finaliser, a bijection: every bit of the input changes about half of the output's.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits(ulong counter) => Mix(seed + (counter + 1) * Gamma);

    /// <summary>A uniform value in [0, 1).</summary>
    public float Uniform(ulong counter) => (Bits(counter) >> 40) * (1f / (1 << 24));

    /// <summary>The key of another, independent sequence.</summary>
    public SplitMix Fork(ulong number) => new(Bits(~number));
}
