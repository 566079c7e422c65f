using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Bilinear resizing, blurring and concatenation, pixel by pixel.</summary>
public static class ResamplingTextbook
{
    /// <summary>Each output pixel is interpolated from the four input pixels around its position.</summary>
    public static Exact Resize(Exact x, int height, int width, Corners corners)
    {
        var y = new Exact(new Shape(x.Shape.N, height, width, x.Shape.C));
        for (int n = 0; n < y.Shape.N; n++)
            for (int p = 0; p < height; p++)
                for (int q = 0; q < width; q++)
                    for (int c = 0; c < y.Shape.C; c++)
                    {
                        double h = Place(p, x.Shape.H, height, corners), w = Place(q, x.Shape.W, width, corners);
                        (int top, int left) = ((int)Math.Floor(h), (int)Math.Floor(w));
                        (double down, double across) = (h - top, w - left);
                        (int bottom, int right) = (Inside(top + 1, x.Shape.H), Inside(left + 1, x.Shape.W));
                        (top, left) = (Inside(top, x.Shape.H), Inside(left, x.Shape.W));
                        y[n, p, q, c] = (1 - down) * ((1 - across) * x[n, top, left, c] + across * x[n, top, right, c])
                            + down * ((1 - across) * x[n, bottom, left, c] + across * x[n, bottom, right, c]);
                    }
        return y;

        int Inside(int i, int extent) => corners == Corners.Mirrored && extent > 1 ? Mirror(i, extent) : Math.Clamp(i, 0, extent - 1);
    }

    /// <summary>The sum over a square of taps (outer product), pixels outside taken from the mirror image about the edge pixel.</summary>
    public static Exact Blur(Exact x, Exact taps)
    {
        int radius = taps.Shape.Count / 2;
        var y = new Exact(x.Shape);
        for (int n = 0; n < y.Shape.N; n++)
            for (int h = 0; h < y.Shape.H; h++)
                for (int w = 0; w < y.Shape.W; w++)
                    for (int c = 0; c < y.Shape.C; c++)
                    {
                        for (int r = -radius; r <= radius; r++)
                            for (int s = -radius; s <= radius; s++)
                                y[n, h, w, c] += taps[radius + r] * taps[radius + s] * x[n, Mirror(h + r, x.Shape.H), Mirror(w + s, x.Shape.W), c];
                    }
        return y;
    }

    /// <summary>The channels of all, side by side.</summary>
    public static Exact Concatenate(params Exact[] parts)
    {
        int pixels = parts[0].Shape.Count / parts[0].Shape.C;
        int channels = parts.Sum(part => part.Shape.C);
        var y = new Exact(new Shape([.. parts[0].Shape.Dims[..^1], channels]));
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            int to = pixel * channels;
            foreach (Exact part in parts)
                for (int c = 0; c < part.Shape.C; c++)
                    y[to++] = part[pixel * part.Shape.C + c];
        }
        return y;
    }

    private static double Place(int i, int from, int to, Corners corners) => corners switch
    {
        Corners.Aligned => to == 1 ? 0 : (double)i * (from - 1) / (to - 1),
        Corners.Mirrored => (i + 0.5) * from / to - 0.5,
        _ => Math.Clamp((i + 0.5) * from / to - 0.5, 0, from - 1),
    };

    private static int Mirror(int i, int extent) => i < 0 ? -i : i >= extent ? 2 * (extent - 1) - i : i;
}
