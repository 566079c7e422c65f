using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>y[n, k] = sum over c of x[n, c] w[k, c] + bias[k], and its gradients.</summary>
public static class LinearTextbook
{
    /// <summary>y = x wᵀ + bias, then ReLU if set.</summary>
    public static Exact Forward(Exact x, Exact w, Exact? bias, bool relu)
    {
        Exact y = new Exact(new Shape(x.Shape.N, w.Shape.N)).Like(i => bias?[i % w.Shape.N] ?? 0);
        Products(x.Shape.N, w.Shape, (n, k, c) => y[n, k] += x[n, c] * w[k, c]);
        return relu ? y.Like(i => y[i] < 0 ? 0 : y[i]) : y;
    }

    /// <summary>dx (N, C), given dy.</summary>
    public static Exact BackwardData(Exact dy, Exact w)
    {
        var dx = new Exact(new Shape(dy.Shape.N, w.Shape.C));
        Products(dy.Shape.N, w.Shape, (n, k, c) => dx[n, c] += dy[n, k] * w[k, c]);
        return dx;
    }

    /// <summary>dw (K, C), given dy.</summary>
    public static Exact BackwardWeights(Exact x, Exact dy)
    {
        var dw = new Exact(new Shape(dy.Shape.C, x.Shape.C));
        Products(x.Shape.N, dw.Shape, (n, k, c) => dw[k, c] += dy[n, k] * x[n, c]);
        return dw;
    }

    /// <summary>db (K) = dy summed over everything but its last axis.</summary>
    public static Exact BackwardBias(Exact dy)
    {
        var db = new Exact(new Shape(dy.Shape.C));
        for (int i = 0; i < dy.Shape.Count; i++)
            db[i % dy.Shape.C] += dy[i];
        return db;
    }

    private static void Products(int rows, Shape w, Action<int, int, int> product)
    {
        for (int n = 0; n < rows; n++)
            for (int k = 0; k < w.N; k++)
                for (int c = 0; c < w.C; c++)
                    product(n, k, c);
    }
}
