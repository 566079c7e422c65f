namespace Iba.Rendering;

/// <summary>A photo as the backdrop of a map: its tones in grey.</summary>
internal static class Backdrop
{
    // The fraction of pixels that is clipped at either end, and the smallest range of greys that is stretched: a plain wall stays plain.
    private const double Cut = 0.005;
    private const int LeastRange = 64;

    /// <summary>
    /// The tone of every pixel, 0 dark to 255 light. The contrast is stretched, because a map leaves few greys to the photo: dark or pale photos
    /// would not be recognisable.
    /// </summary>
    /// <param name="rgb">Interleaved, at least one pixel.</param>
    public static byte[] Tones(ReadOnlySpan<byte> rgb)
    {
        byte[] tones = new byte[rgb.Length / 3];
        int[] counts = new int[256];
        for (int i = 0; i < tones.Length; i++)
        {
            tones[i] = (byte)(0.2125 * rgb[3 * i] + 0.7154 * rgb[3 * i + 1] + 0.0721 * rgb[3 * i + 2] + 0.5);
            counts[tones[i]]++;
        }
        int dark = Quantile(counts, Cut * tones.Length), light = 255 - Quantile([.. counts.Reverse()], Cut * tones.Length);
        if (light - dark < LeastRange)
        {
            dark = Math.Clamp((dark + light - LeastRange) / 2, 0, 255 - LeastRange);
            light = dark + LeastRange;
        }
        for (int i = 0; i < tones.Length; i++)
            tones[i] = (byte)Math.Round(Math.Clamp((tones[i] - dark) / (double)(light - dark), 0, 1) * 255);
        return tones;
    }

    /// <summary>The first level whose cumulative count exceeds a number of pixels.</summary>
    private static int Quantile(int[] counts, double pixels)
    {
        int level = 0;
        for (double left = pixels - counts[0]; left >= 0 && level < 255; left -= counts[level])
            level++;
        return level;
    }
}
