using Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Sums and the classification loss.</summary>
public static class ReductionTextbook
{
    /// <summary>factor x the sum of each of so many equal, consecutive runs.</summary>
    public static Exact Sum(Exact x, int runs, double factor)
    {
        var y = new Exact(new Shape(runs));
        int length = x.Shape.Count / runs;
        for (int run = 0; run < runs; run++)
        {
            for (int i = 0; i < length; i++)
                y[run] += factor * x[run * length + i];
        }
        return y;
    }

    /// <summary>-ln softmax(logits[n])[targets[n]] for every row.</summary>
    public static Exact CrossEntropy(Exact logits, Exact targets)
    {
        var y = new Exact(new Shape(logits.Shape.N));
        for (int n = 0; n < logits.Shape.N; n++)
        {
            double sum = 0;
            for (int k = 0; k < logits.Shape.C; k++)
                sum += Math.Exp(logits[n, k]);
            y[n] = -Math.Log(Math.Exp(logits[n, (int)targets[n]]) / sum);
        }
        return y;
    }
}
