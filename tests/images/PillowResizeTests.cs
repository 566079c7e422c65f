using CsCheck;
using Iba.Images;
using Xunit;

namespace Tests.Images;

public class PillowResizeTests
{
    private static readonly Gen<(int W, int H, int ToW, int ToH, int Channels, int Seed)> Cases =
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 4], Gen.Int);

    [Fact]
    public void Each_axis_is_the_plain_triangle_filter_rounded() => Cases.Sample(c =>
    {
        byte[] pixels = Noise(c.Seed, c.W * c.H * c.Channels);
        byte[] wide = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.H);
        byte[] high = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.W, c.ToH);
        // Half a level of rounding; the weights' fixed point adds less than 40 x 255 x 2^-23.
        for (int channel = 0; channel < c.Channels; channel++)
        {
            int At(int width, int x, int y) => (y * width + x) * c.Channels + channel;
            for (int y = 0; y < c.H; y++)
            {
                for (int x = 0; x < c.ToW; x++)
                    Assert.Equal(Filtered(c.W, c.ToW, x, i => pixels[At(c.W, i, y)]), wide[At(c.ToW, x, y)], 0.502);
            }
            for (int y = 0; y < c.ToH; y++)
            {
                for (int x = 0; x < c.W; x++)
                    Assert.Equal(Filtered(c.H, c.ToH, y, i => pixels[At(c.W, x, i)]), high[At(c.W, x, y)], 0.502);
            }
        }
    }, iter: 100);

    [Fact]
    public void Both_axes_are_the_rows_rounded_and_then_the_columns() => Cases.Sample(c =>
    {
        byte[] pixels = Noise(c.Seed, c.W * c.H * c.Channels);
        byte[] wide = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.H);
        Assert.Equal(PillowResize.Bilinear(wide, c.ToW, c.H, c.Channels, c.ToW, c.ToH),
            PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.ToH));
    }, iter: 200);

    [Fact]
    public void A_window_equals_the_same_part_of_the_whole() => Cases.Sample(c =>
    {
        byte[] pixels = Noise(c.Seed, c.W * c.H * c.Channels);
        var random = new Random(c.Seed);
        int left = random.Next(c.ToW), top = random.Next(c.ToH);
        var window = new PixelWindow(left, top, 1 + random.Next(c.ToW - left), 1 + random.Next(c.ToH - top));
        byte[] whole = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.ToH);
        byte[] part = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.ToH, window);
        for (int y = 0; y < window.Height; y++)
        {
            int stride = window.Width * c.Channels;
            Assert.Equal(whole.AsSpan(((top + y) * c.ToW + left) * c.Channels, stride), part.AsSpan(y * stride, stride));
        }
    }, iter: 200);

    [Fact]
    public void A_constant_image_stays_constant_and_the_same_size_is_the_identity() => Cases.Sample(c =>
    {
        byte[] grey = [.. Enumerable.Repeat((byte)c.Seed, c.W * c.H * c.Channels)];
        Assert.All(PillowResize.Bilinear(grey, c.W, c.H, c.Channels, c.ToW, c.ToH), level => Assert.Equal((byte)c.Seed, level));
        byte[] noise = Noise(c.Seed, grey.Length);
        Assert.Equal(noise, PillowResize.Bilinear(noise, c.W, c.H, c.Channels, c.W, c.H));
    }, iter: 100);

    [Fact]
    public void Extents_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PillowResize.Bilinear(new byte[5], 2, 1, 3, 4, 4));
        Assert.Throws<ArgumentException>(() => PillowResize.Bilinear(new byte[6], 2, 1, 3, 0, 4));
        Assert.Throws<ArgumentException>(() => PillowResize.Bilinear(new byte[6], 2, 1, 3, 4, 4, new PixelWindow(1, 0, 4, 4)));
    }

    private static byte[] Noise(int seed, int count)
    {
        byte[] noise = new byte[count];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    /// <summary>The textbook filter in double before rounding: the weight is computed for every input pixel.</summary>
    private static double Filtered(int from, int to, int output, Func<int, byte> sample)
    {
        double scale = (double)from / to, reach = Math.Max(scale, 1), sum = 0, total = 0;
        for (int i = 0; i < from; i++)
        {
            double weight = Math.Max(0, 1 - Math.Abs(i + 0.5 - (output + 0.5) * scale) / reach);
            (sum, total) = (sum + weight * sample(i), total + weight);
        }
        return sum / total;
    }
}
