using CsCheck;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Simd;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>The counter-based generator: its words, its distribution, and its inputs.</summary>
public sealed unsafe class NoiseTests
{
    private const int Million = 1_000_000;

    /// <summary>The known answers published with Random123.</summary>
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Philox_gives_its_known_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3)
    {
        uint[] expected = [w0, w1, w2, w3];
        Assert.Equal(expected, NoiseTextbook.Philox([c0, c1, c2, c3], k0 | (ulong)k1 << 32));
        Assert.Equal(expected, Words<Lanes128>(c0, c1, c2, c3, k0, k1));
    }

    [Fact]
    public void Every_number_is_the_textbooks()
    {
        (ulong seed, uint image, uint copy, uint step) = (0xFEDCBA9876543210, 16777215, 9, 3);
        foreach ((string width, float[] noise) in Widths.Noise(seed, image, copy, step, 0, 10_000))
        {
            for (int i = 0; i < noise.Length; i++)
            {
                // Logarithm, root, sine and product round five times in all, at most 5 x 6e-8 of the number.
                double expected = NoiseTextbook.Normal(seed, i, image, copy, step);
                double error = Math.Abs(noise[i] - expected);
                Assert.True(error <= 3e-7 * Math.Abs(expected), $"element {i} with {width} is {noise[i]}, expected {expected}");
            }
        }
    }

    [Fact]
    public void Every_width_gives_the_same_bits_wherever_it_starts() => Gen.Select(Gen.ULong, Gen.Int[0, 500], Gen.Int[1, 300]).Sample(
        (seed, fourth, count) =>
        {
            float[] row = Widths.Noise<Lanes128>(seed, 1, 2, 3, 0, 4 * 500 + 300);
            foreach ((_, float[] noise) in Widths.Noise(seed, 1, 2, 3, 4 * fourth, count))
                Assert.Equal(row[(4 * fourth)..(4 * fourth + count)], noise);
        }, iter: 100, threads: 1);

    [Fact]
    public void Each_word_of_key_and_counter_makes_other_noise()
    {
        float[][] rows =
        [
            Widths.Noise<Lanes128>(1, 0, 0, 0, 0, 64),
            Widths.Noise<Lanes128>(1ul << 32, 0, 0, 0, 0, 64),
            Widths.Noise<Lanes128>(0, 1, 0, 0, 0, 64),
            Widths.Noise<Lanes128>(0, 0, 1, 0, 0, 64),
            Widths.Noise<Lanes128>(0, 0, 0, 1, 0, 64),
            Widths.Noise<Lanes128>(0, 0, 0, 0, 0, 128),
        ];
        Assert.Equal(6 * 64 + 64, rows.SelectMany(row => row).Distinct().Count());
    }

    /// <summary>
    /// Bounds of five standard errors over 10^6 independent draws: mean 1/1000, variance sqrt(2)/1000, skewness sqrt(6)/1000,
    /// kurtosis sqrt(24)/1000, Kolmogorov-Smirnov 1.95/1000 at a probability of 1 in 1000 (the seed is fixed: it passes or it does not).
    /// </summary>
    [Fact]
    public void A_million_draws_are_distributed_as_the_unit_normal()
    {
        double[] x = [.. Draw(seed: 7).Select(number => (double)number).Order()];
        Assert.InRange(x.Average(), -5e-3, 5e-3);
        Assert.InRange(x.Average(v => v * v), 1 - 7.1e-3, 1 + 7.1e-3);
        Assert.InRange(x.Average(v => v * v * v), -5 * Math.Sqrt(15) / 1000, 5 * Math.Sqrt(15) / 1000);
        Assert.InRange(x.Average(v => v * v * v * v), 3 - 5 * Math.Sqrt(96) / 1000, 3 + 5 * Math.Sqrt(96) / 1000);

        double distance = 0;
        for (int i = 0; i < Million; i += 10)
        {
            double below = Normal(x[i]);
            distance = Math.Max(distance, Math.Max((i + 10.0) / Million - below, below - (double)i / Million));
        }
        Assert.InRange(distance, 0, 1.95e-3);
    }

    [Fact]
    public void Neighbours_copies_and_steps_are_uncorrelated()
    {
        float[] x = Draw(seed: 7), otherCopy = Draw(seed: 7, copy: 1), otherStep = Draw(seed: 7, step: 1), otherSeed = Draw(seed: 8);
        for (int lag = 1; lag <= 8; lag++)
            Assert.InRange(Correlation(x[lag..], x[..^lag]), -5e-3, 5e-3);
        foreach (float[] other in (float[][])[otherCopy, otherStep, otherSeed])
            Assert.InRange(Correlation(x, other), -5e-3, 5e-3);
    }

    private static uint[] Words<V>(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1) where V : struct, IWideLanes<V>
    {
        (V a, V b, V c, V d) = NormalNoise.Philox(V.Bits(c0), V.Bits(c1), V.Bits(c2), V.Bits(c3), V.Bits(k0), V.Bits(k1));
        float* lanes = stackalloc float[V.Count];
        var words = new List<uint>();
        foreach (V word in (V[])[a, b, c, d])
        {
            V.Store(word, lanes);
            words.Add(BitConverter.SingleToUInt32Bits(lanes[0]));
        }
        return [.. words];
    }

    private static float[] Draw(ulong seed, uint copy = 0, uint step = 0)
    {
        var noise = new float[Million + NormalNoise.Overrun];
        fixed (float* to = noise)
            NormalNoise.Fill(seed, 0, copy, step, 0, Million, to);
        return noise[..Million];
    }

    private static double Correlation(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum() / a.Length;

    /// <summary>The unit normal's distribution function, by Simpson's rule from 0: error below 1e-9 for |x| below 8.</summary>
    private static double Normal(double x)
    {
        const int Steps = 64;
        double step = x / Steps, sum = 0;
        for (int i = 0; i <= Steps; i++)
            sum += (i == 0 || i == Steps ? 1 : i % 2 == 0 ? 2 : 4) * Math.Exp(-0.5 * i * step * i * step);
        return 0.5 + sum * step / 3 / Math.Sqrt(2 * Math.PI);
    }
}
