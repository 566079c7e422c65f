using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>
/// Convolution as a list of products: y[n, p, q, k] += x[n, h, w, c] w[k, r, s, c]. Both gradients use the same list, since a product
/// passes dy on to either factor, times the other one.
/// </summary>
public static class ConvolutionTextbook
{
    /// <summary>y = x * w + bias + residual, then ReLU if set.</summary>
    public static Exact Forward(Exact x, Exact w, Exact? bias, Exact? residual, bool relu, ConvGeometry geometry)
    {
        Exact y = new Exact(geometry.Output(x.Shape, w.Shape.N)).Like(i => (bias?[i % w.Shape.N] ?? 0) + (residual?[i] ?? 0));
        Products(x.Shape, w.Shape, y.Shape, geometry, (at, from, weight) => y[at] += x[from] * w[weight]);
        return relu ? y.Like(i => y[i] < 0 ? 0 : y[i]) : y;
    }

    /// <summary>dx, given dy.</summary>
    public static Exact BackwardData(Exact dy, Exact w, Shape x, ConvGeometry geometry)
    {
        var dx = new Exact(x);
        Products(x, w.Shape, dy.Shape, geometry, (at, from, weight) => dx[from] += dy[at] * w[weight]);
        return dx;
    }

    /// <summary>dw, given dy.</summary>
    public static Exact BackwardWeights(Exact x, Exact dy, Shape w, ConvGeometry geometry)
    {
        var dw = new Exact(w);
        Products(x.Shape, w, dy.Shape, geometry, (at, from, weight) => dw[weight] += dy[at] * x[from]);
        return dw;
    }

    private static void Products(Shape x, Shape w, Shape y, ConvGeometry geometry, Action<int, int, int> product)
    {
        for (int n = 0; n < y.N; n++)
            for (int p = 0; p < y.H; p++)
                for (int q = 0; q < y.W; q++)
                    for (int k = 0; k < y.C; k++)
                        for (int r = 0; r < geometry.Kernel; r++)
                            for (int s = 0; s < geometry.Kernel; s++)
                                for (int c = 0; c < x.C; c++)
                                {
                                    int height = p * geometry.Stride + r - geometry.Padding;
                                    int width = q * geometry.Stride + s - geometry.Padding;
                                    if (height >= 0 && height < x.H && width >= 0 && width < x.W)
                                        product(At(y, n, p, q, k), At(x, n, height, width, c), At(w, k, r, s, c));
                                }
    }

    private static int At(Shape shape, int n, int h, int w, int c) => ((n * shape.H + h) * shape.W + w) * shape.C + c;
}
