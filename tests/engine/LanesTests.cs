using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Xunit;

namespace Tests.Engine;

/// <summary>The elementary functions that replace a C library's, compared with Math in double, at every register width.</summary>
public sealed class LanesTests
{
    [Fact]
    public void The_exponential_is_within_one_unit_in_the_last_place() =>
        Accurate(new Exponential(), x => Math.Exp(x), Spread(-87.3f, 88.7f), 1.0);

    [Fact]
    public void The_logarithm_is_within_one_unit_in_the_last_place() =>
        Accurate(new Log(), x => Math.Log(x), [.. Spread(0f, 4f), .. Magnitudes], 1.0);

    /// <summary>The exponential by at most one unit, sum and quotient by half a unit each.</summary>
    [Fact]
    public void The_sigmoid_is_within_two_units_in_the_last_place() =>
        Accurate(new Sigmoid(), x => 1 / (1 + Math.Exp(-(double)x)), Spread(-87f, 87f), 2.0);

    /// <summary>The angle rounds twice, by half a unit that may count double in a smaller sine, and the last sum once.</summary>
    [Fact]
    public void Sine_and_cosine_of_a_turn_are_within_two_and_a_half_units_in_the_last_place()
    {
        float[] turns = [.. Enumerable.Range(0, 100_000).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 42949u)), .. QuarterTurns];
        Accurate(new Sine(), x => SinOfTurn(2L * BitConverter.SingleToUInt32Bits(x) + 1), turns, 2.5);
        Accurate(new Cosine(), x => SinOfTurn(2L * BitConverter.SingleToUInt32Bits(x) + 1 + Turn / 4), turns, 2.5);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(1f)]
    [InlineData(1e-42f)]
    [InlineData(1000f)]
    [InlineData(-1000f)]
    [InlineData(float.MaxValue)]
    [InlineData(float.MinValue)]
    public void Special_numbers_are_taken_as_mathematics_takes_them(float x)
    {
        foreach ((string width, float[] y) in Widths.Map(new Log(), [x]))
            Assert.True(Same(MathF.Log(x), y[0]), $"ln {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new Exponential(), [x]))
            Assert.True(Same(MathF.Exp(x), y[0]), $"exp {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new Sigmoid(), [x]))
            Assert.True(Same(1 / (1 + MathF.Exp(-x)), y[0]), $"sigmoid {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new Relu(), [x]))
            Assert.True(Same(x < 0 ? 0 : x, y[0]), $"relu {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new Clamp(-2, 2), [x]))
            Assert.True(Same(x < -2 ? -2 : x > 2 ? 2 : x, y[0]), $"clamp {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new Gate(3), [x]))
            Assert.True(Same(x <= 0 ? 0 : 3, y[0]), $"3 gated by {x} with {width} is {y[0]}");
        foreach ((string width, float[] y) in Widths.Map(new AllAreNumbers(), [x]))
            Assert.True(y[0] == (float.IsNaN(x) ? 0 : 1), $"whether {x} is a number with {width} is {y[0]}");
    }

    /// <summary>2^33: half units of a 32-bit turn.</summary>
    private const long Turn = 1L << 33;

    /// <summary>Reflected to within a quarter turn in whole numbers: near half a turn, π in double would be too coarse.</summary>
    private static double SinOfTurn(long t) =>
        t >= Turn ? SinOfTurn(t - Turn)
        : t > Turn / 2 ? -SinOfTurn(Turn - t)
        : t > Turn / 4 ? SinOfTurn(Turn / 2 - t)
        : Math.Sin(2 * Math.PI * t / Turn);

    private static IEnumerable<float> Magnitudes =>
        Enumerable.Range(1, 0x7F7F).Select(high => BitConverter.Int32BitsToSingle(high << 16 | 0x1234));

    private static IEnumerable<float> QuarterTurns =>
        from eighth in Enumerable.Range(0, 8)
        from near in Enumerable.Range(-2, 5)
        select BitConverter.UInt32BitsToSingle(unchecked((uint)(eighth * 0x20000000L + near)));

    private static float[] Spread(float low, float high) =>
        [.. Enumerable.Range(1, 50_000).Select(i => low + (high - low) * (i / 50_001f))];

    private static void Accurate<F>(F f, Func<float, double> exact, float[] x, double units) where F : struct, IUnary
    {
        float[]? first = null;
        foreach ((string width, float[] y) in Widths.Map(f, x))
        {
            first ??= y;
            Assert.True(first.AsSpan().SequenceEqual(y), $"{f} with {width} differs in its bits from one lane");
        }
        for (int i = 0; i < x.Length; i++)
        {
            double expected = exact(x[i]);
            double error = Math.Abs(first![i] - expected) / LastPlace(expected);
            Assert.True(error <= units, $"{f} of {x[i]:R} is {first[i]:R}, off by {error:F2} units of the last place");
        }
    }

    /// <summary>The distance between floats at that size.</summary>
    private static double LastPlace(double size)
    {
        float below = MathF.Abs((float)size);
        below = below > Math.Abs(size) ? MathF.BitDecrement(below) : below;
        return (double)MathF.BitIncrement(below) - below;
    }

    private static bool Same(float expected, float actual) =>
        expected.Equals(actual) || Math.Abs(expected - actual) <= 2.5e-7f * Math.Abs(expected) || (expected == 0 && actual == 0);

    private readonly record struct Gate(float Dy) : IUnary
    {
        public V At<V>(V x) where V : struct, ILanes<V> => V.Gated(Dy, x);

        public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => throw new NotSupportedException();
    }

    private readonly record struct AllAreNumbers : IUnary
    {
        public V At<V>(V x) where V : struct, ILanes<V> => V.All(V.Same(x, x)) ? 1f : 0f;

        public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => throw new NotSupportedException();
    }

    private readonly record struct Exponential : IUnary
    {
        public V At<V>(V x) where V : struct, ILanes<V> => Lanes.Exp(x);

        public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * y;
    }

    private readonly record struct Sine : IUnary
    {
        public V At<V>(V x) where V : struct, ILanes<V> => Lanes.SinCosOfTurn(x).Sin;

        public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * y;
    }

    private readonly record struct Cosine : IUnary
    {
        public V At<V>(V x) where V : struct, ILanes<V> => Lanes.SinCosOfTurn(x).Cos;

        public V Backward<V>(V dy, V x, V y) where V : struct, ILanes<V> => dy * y;
    }
}
