using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Pooling, window by window.</summary>
public static class PoolingTextbook
{
    public static Exact MaxPool(Exact x, ConvGeometry geometry)
    {
        var y = new Exact(geometry.Output(x.Shape, x.Shape.C));
        for (int n = 0; n < y.Shape.N; n++)
            for (int p = 0; p < y.Shape.H; p++)
                for (int q = 0; q < y.Shape.W; q++)
                    for (int c = 0; c < y.Shape.C; c++)
                    {
                        double largest = double.NegativeInfinity;
                        for (int r = 0; r < geometry.Kernel; r++)
                            for (int s = 0; s < geometry.Kernel; s++)
                            {
                                int h = p * geometry.Stride + r - geometry.Padding;
                                int w = q * geometry.Stride + s - geometry.Padding;
                                if (h >= 0 && h < x.Shape.H && w >= 0 && w < x.Shape.W)
                                    largest = Math.Max(largest, x[n, h, w, c]);
                            }
                        y[n, p, q, c] = largest;
                    }
        return y;
    }

    /// <summary>dx = dy at the element that PyTorch's loop selects: the last one that is larger than all before it, or NaN.</summary>
    public static Exact MaxPoolBackward(Exact x, Exact dy, ConvGeometry geometry)
    {
        var dx = new Exact(x.Shape);
        for (int n = 0; n < dy.Shape.N; n++)
            for (int p = 0; p < dy.Shape.H; p++)
                for (int q = 0; q < dy.Shape.W; q++)
                    for (int c = 0; c < dy.Shape.C; c++)
                    {
                        (int H, int W)? winner = null;
                        double largest = double.NegativeInfinity;
                        for (int r = 0; r < geometry.Kernel; r++)
                            for (int s = 0; s < geometry.Kernel; s++)
                            {
                                int h = p * geometry.Stride + r - geometry.Padding;
                                int w = q * geometry.Stride + s - geometry.Padding;
                                if (h < 0 || h >= x.Shape.H || w < 0 || w >= x.Shape.W)
                                    continue;
                                if (winner is null || x[n, h, w, c] > largest || double.IsNaN(x[n, h, w, c]))
                                    (winner, largest) = ((h, w), x[n, h, w, c]);
                            }
                        dx[n, winner!.Value.H, winner.Value.W, c] += dy[n, p, q, c];
                    }
        return dx;
    }

    /// <summary>The maximum of windows of one pixel each.</summary>
    public static Exact Subsample(Exact x, int stride) => MaxPool(x, new ConvGeometry(1, stride));

    /// <summary>Bin k of an axis covers the pixels from floor(k h / H) to before ceil((k + 1) h / H).</summary>
    public static Exact AdaptiveAveragePool(Exact x, int height, int width)
    {
        var y = new Exact(new Shape(x.Shape.N, height, width, x.Shape.C));
        for (int n = 0; n < y.Shape.N; n++)
            for (int p = 0; p < height; p++)
                for (int q = 0; q < width; q++)
                    for (int c = 0; c < y.Shape.C; c++)
                    {
                        (int top, int bottom) = Bin(p, x.Shape.H, height);
                        (int left, int right) = Bin(q, x.Shape.W, width);
                        double sum = 0;
                        for (int h = top; h < bottom; h++)
                            for (int w = left; w < right; w++)
                                sum += x[n, h, w, c];
                        y[n, p, q, c] = sum / ((bottom - top) * (right - left));
                    }
        return y;
    }

    private static (int First, int End) Bin(int k, int extent, int bins) =>
        ((int)Math.Floor((double)k * extent / bins), (int)Math.Ceiling((double)(k + 1) * extent / bins));
}
