using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Philox4x32-10 as its paper writes it (Salmon, Moraes, Dror, Shaw 2011), and Box-Muller in double.</summary>
public static class NoiseTextbook
{
    /// <summary>Four random words from a counter of four words and a key of two.</summary>
    public static uint[] Philox(uint[] counter, ulong key)
    {
        (uint c0, uint c1, uint c2, uint c3) = (counter[0], counter[1], counter[2], counter[3]);
        (uint k0, uint k1) = ((uint)key, (uint)(key >> 32));
        for (int round = 0; round < 10; round++)
        {
            ulong p = 0xD2511F53ul * c0, q = 0xCD9E8D57ul * c2;
            (c0, c1, c2, c3) = ((uint)(q >> 32) ^ c1 ^ k0, (uint)q, (uint)(p >> 32) ^ c3 ^ k1, (uint)p);
            (k0, k1) = (unchecked(k0 + 0x9E3779B9), unchecked(k1 + 0xBB67AE85));
        }
        return [c0, c1, c2, c3];
    }

    /// <summary>The unit normal number of one element of one copy of one image at one step.</summary>
    public static double Normal(ulong seed, int element, uint image, uint copy, uint step)
    {
        uint[] words = Philox([(uint)(element / 4), image, copy, step], seed);
        int pair = element % 4 / 2 * 2;
        // u is a float32 by definition: see Noise.
        float u = words[pair] * (1 / 4294967296f) + 1 / 8589934592f;
        double r = Math.Sqrt(-2 * Math.Log(u));
        double θ = 2 * Math.PI * (words[pair + 1] + 0.5) / 4294967296.0;
        return element % 2 == 0 ? r * Math.Cos(θ) : r * Math.Sin(θ);
    }

    /// <summary>The noise of all copies of a batch, one after the other: (I x copies, H, W, C).</summary>
    public static Exact Normals(ulong seed, Shape x, IReadOnlyList<uint> images, int copies, uint step)
    {
        var ε = new Exact(x.WithN(x.N * copies));
        for (int i = 0; i < ε.Shape.Count; i++)
        {
            int sample = i / x.Row;
            ε[i] = Normal(seed, i % x.Row, images[sample / copies], (uint)(sample % copies), step);
        }
        return ε;
    }
}
