using Iba.Rendering;
using Tests.Textbook;
using Xunit;

namespace Tests.Rendering;

public class ColormapTests
{
    /// <summary>Table 1 of Sharma, Wu and Dalal (2005): two colours and their difference.</summary>
    [Theory]
    [InlineData(50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425), InlineData(50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615)]
    [InlineData(50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412), InlineData(50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000)]
    [InlineData(50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000), InlineData(50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000)]
    [InlineData(50, 0, 0, 50, -1, 2, 2.3669), InlineData(50, -1, 2, 50, 0, 0, 2.3669)]
    [InlineData(50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792), InlineData(50, 2.49, -0.001, 50, -2.49, 0.0010, 7.1792)]
    [InlineData(50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195), InlineData(50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195)]
    [InlineData(50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045), InlineData(50, -0.001, 2.49, 50, 0.0010, -2.49, 4.8045)]
    [InlineData(50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461), InlineData(50, 2.5, 0, 50, 0, -2.5, 4.3065)]
    [InlineData(50, 2.5, 0, 73, 25, -18, 27.1492), InlineData(50, 2.5, 0, 61, -5, 29, 22.8977)]
    [InlineData(50, 2.5, 0, 56, -27, -3, 31.9030), InlineData(50, 2.5, 0, 58, 24, 15, 19.4535)]
    [InlineData(50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000), InlineData(50, 2.5, 0, 50, 3.2972, 0, 1.0000)]
    [InlineData(50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000), InlineData(50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000)]
    [InlineData(60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644)]
    [InlineData(63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630)]
    [InlineData(61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731)]
    [InlineData(35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645)]
    [InlineData(22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373)]
    [InlineData(36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146)]
    [InlineData(90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441)]
    [InlineData(90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381)]
    [InlineData(6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377)]
    [InlineData(2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082)]
    public void The_colour_difference_is_the_published_one(
        double l1, double a1, double b1, double l2, double a2, double b2, double difference)
    {
        // The table has four decimals.
        Assert.Equal(difference, ColourTextbook.Ciede2000(new(l1, a1, b1), new(l2, a2, b2)), 0.5001e-4);
        Assert.Equal(difference, ColourTextbook.Ciede2000(new(l2, a2, b2), new(l1, a1, b1)), 0.5001e-4);
    }

    [Fact]
    public void Every_8_bit_colour_comes_back_from_Lab()
    {
        for (int i = 0; i < 1 << 24; i += 1009)
        {
            var colour = new Rgb((byte)(i >> 16), (byte)(i >> 8), (byte)i);
            Assert.Equal(colour, ColourTextbook.ToLab(colour).ToRgb());
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_photo_changes_neither_hue_nor_chroma_and_the_lightness_by_its_swing_alone(bool signed)
    {
        Colormap colours = signed ? Colormap.Diverging : Colormap.Sequential;
        for (int step = 0; step <= 100; step++)
        {
            double place = step / 100.0, value = signed ? Math.Abs(2 * place - 1) : place;
            Lab bar = ColourTextbook.ToLab(colours[place]);
            foreach (byte tone in (byte[])[0, 64, 128, 192, 255])
            {
                Lab over = ColourTextbook.ToLab(colours.Over(place, tone));
                // Half a level of every channel is up to 0.7 in a* and b* of a dark colour, in both colours.
                Assert.InRange(Math.Abs(over.A - bar.A), 0, 1.4);
                Assert.InRange(Math.Abs(over.B - bar.B), 0, 1.4);
                // Near 0 the colours are faint, and the photo is visible.
                if (value >= 0.15)
                    Assert.Equal(Colormap.LeastSwing * (2 * tone / 255.0 - 1), over.L - bar.L, 0.4);
            }
        }
    }

    [Fact]
    public void Lightness_falls_with_the_magnitude_so_the_order_survives_in_grey()
    {
        double[] lightness = [.. Enumerable.Range(0, 51).Select(i => ColourTextbook.ToLab(Colormap.Diverging[0.5 + i / 100.0]).L)];
        double[] negative = [.. Enumerable.Range(0, 51).Select(i => ColourTextbook.ToLab(Colormap.Diverging[0.5 - i / 100.0]).L)];
        for (int i = 1; i < lightness.Length; i++)
        {
            Assert.True(lightness[i] < lightness[i - 1]);
            Assert.Equal(lightness[i], negative[i], 0.5);
        }
    }

    [Fact]
    public void Quarters_of_the_scale_cannot_be_mistaken_for_one_another_whatever_the_photo()
    {
        double[] places = [0, 0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 1];
        byte[] tones = [0, 255];
        foreach (double one in places)
        {
            foreach (double two in places.Where(place => place != one))
            {
                double least = tones.Min(a => tones.Min(b => ColourTextbook.Ciede2000(
                    ColourTextbook.ToLab(Colormap.Diverging.Over(one, a)), ColourTextbook.ToLab(Colormap.Diverging.Over(two, b)))));
                Assert.True(least > 7, $"{one} and {two}: {least}");
            }
        }
    }

    [Fact]
    public void The_diverging_colours_are_the_sequential_ones_above_0()
    {
        for (int i = 0; i <= 127; i++)
            Assert.Equal(Colormap.Sequential[2 * i / 254.0], Colormap.Diverging[0.5 + i / 254.0]);
    }

    [Fact]
    public void Places_outside_take_the_nearer_end_and_what_is_not_finite_is_green()
    {
        Assert.Equal(Colormap.Diverging[0], Colormap.Diverging[-3]);
        Assert.Equal(Colormap.Diverging[1], Colormap.Diverging[7]);
        foreach (double place in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            foreach (Rgb colour in (Rgb[])[Colormap.Sequential[place], Colormap.Diverging.Over(place, 0), Colormap.Diverging.Over(place, 255)])
                Assert.True(colour.G > colour.R && colour.G > colour.B, $"{colour} is not green");
        }
    }
}
