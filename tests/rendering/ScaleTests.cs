using System.Globalization;
using CsCheck;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class ScaleTests
{
    private static readonly Gen<(double Low, double High, int Intervals)> Scales =
        Gen.Select(Gen.Double[-1, 1], Gen.Double[-12, 12], Gen.Int[1, 8], Gen.Bool).Select((sign, power, intervals, signed) =>
            (signed ? -Math.Pow(10, power) : 0, Math.Pow(10, power) * (1 + Math.Abs(sign)), intervals));

    [Fact]
    public void Ticks_are_round_inside_evenly_spaced_and_not_too_many() => Scales.Sample(c =>
    {
        var scale = new Scale(c.Low, c.High);
        IReadOnlyList<Tick> ticks = scale.Ticks(c.Intervals);
        Assert.InRange(ticks.Count, 1, c.Intervals + 1);
        Assert.All(ticks, tick => Assert.InRange(scale.Place(tick.Value), -1e-8, 1 + 1e-8));
        for (int i = 1; i < ticks.Count; i++)
        {
            double step = ticks[i].Value - ticks[i - 1].Value, digits = step / Math.Pow(10, Math.Floor(Math.Log10(step) + 1e-6));
            Assert.Contains(new[] { 1, 2, 5.0 }, round => Math.Abs(digits - round) < 1e-6);
        }
    }, iter: 1000);

    [Fact]
    public void A_label_says_its_value_and_no_two_are_the_same() => Scales.Sample(c =>
    {
        var scale = new Scale(c.Low, c.High);
        IReadOnlyList<Tick> ticks = scale.Ticks(c.Intervals);
        Assert.Equal(ticks.Count, ticks.Select(tick => tick.Label).Distinct().Count());
        foreach (Tick tick in ticks)
        {
            double said = double.Parse(tick.Label.Replace('−', '-'), CultureInfo.InvariantCulture) * Math.Pow(10, scale.Exponent);
            Assert.Equal(tick.Value, said, 1e-6 * (c.High - c.Low));
            Assert.InRange(tick.Label.Length, 1, 9);
        }
    }, iter: 1000);

    [Fact]
    public void Familiar_scales_have_the_ticks_one_would_draw()
    {
        string[] Labels(double low, double high, int intervals) => [.. new Scale(low, high).Ticks(intervals).Select(tick => tick.Label)];
        Assert.Equal(["0.0", "0.1", "0.2", "0.3"], Labels(0, 0.37, 5));
        Assert.Equal(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], Labels(0, 1, 5));
        Assert.Equal(["0", "1", "2", "3"], Labels(0, 3, 5));
        Assert.Equal(["−0.2", "−0.1", "0.0", "0.1", "0.2"], Labels(-0.25, 0.25, 5));
        Assert.Equal(["0", "200", "400"], Labels(0, 500, 3));
        Assert.Equal(["0", "1", "2", "3"], Labels(0, 3e-10, 3));
        Assert.Equal(-10, new Scale(0, 3e-10).Exponent);
    }

    [Theory, InlineData(0, 0), InlineData(1, 0), InlineData(0, double.NaN), InlineData(0, double.PositiveInfinity), InlineData(-1e308, 1e308)]
    public void A_scale_that_spans_nothing_finite_is_refused(double low, double high) => Assert.Throws<ArgumentException>(() => new Scale(low, high));
}
