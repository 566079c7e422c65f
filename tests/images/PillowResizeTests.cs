using CsCheck;
using Iba.Images;
using Xunit;

namespace Tests.Images;

public class PillowResizeTests
{
    private static readonly Gen<(int W, int H, int ToW, int ToH, int Channels, int Seed)> Cases =
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 4], Gen.Int);

    [Fact]
    public void Resizing_stays_within_one_grey_level_of_the_plain_triangle_filter() => Cases.Sample(c =>
    {
        byte[] pixels = Noise(c.Seed, c.W * c.H * c.Channels);
        byte[] actual = PillowResize.Bilinear(pixels, c.W, c.H, c.Channels, c.ToW, c.ToH);
        byte[] plain = Plain(pixels, c.W, c.H, c.Channels, c.ToW, c.ToH);
        // Fixed point differs from doubles only where a sum lies within 2^-14 of a half; the second pass then sees one level.
        for (int i = 0; i < plain.Length; i++)
            Assert.InRange(actual[i], plain[i] - 1, plain[i] + 1);
    }, iter: 300);

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

    /// <summary>The textbook filter: doubles, every input pixel asked for its weight, 8-bit rounding after each pass.</summary>
    private static byte[] Plain(byte[] pixels, int w, int h, int channels, int toW, int toH)
    {
        byte[] wide = new byte[toW * h * channels], result = new byte[toW * toH * channels];
        for (int y = 0; y < h; y++)
        {
            for (int x = 0; x < toW; x++)
            {
                for (int c = 0; c < channels; c++)
                    wide[(y * toW + x) * channels + c] = Filtered(w, toW, x, i => pixels[(y * w + i) * channels + c]);
            }
        }
        for (int y = 0; y < toH; y++)
        {
            for (int x = 0; x < toW; x++)
            {
                for (int c = 0; c < channels; c++)
                    result[(y * toW + x) * channels + c] = Filtered(h, toH, y, i => wide[(i * toW + x) * channels + c]);
            }
        }
        return result;
    }

    private static byte Filtered(int from, int to, int output, Func<int, byte> sample)
    {
        double scale = (double)from / to, reach = Math.Max(scale, 1), sum = 0, total = 0;
        for (int i = 0; i < from; i++)
        {
            double weight = Math.Max(0, 1 - Math.Abs(i + 0.5 - (output + 0.5) * scale) / reach);
            (sum, total) = (sum + weight * sample(i), total + weight);
        }
        return (byte)Math.Floor(sum / total + 0.5);
    }
}
