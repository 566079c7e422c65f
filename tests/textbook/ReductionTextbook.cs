using Iba.Engine.Tensors;

namespace Tests.Textbook;

/// <summary>Sums and the classification loss.</summary>
public static class ReductionTextbook
{
    /// <summary>factor x the sum of each of the given number of equal, consecutive runs.</summary>
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
        Exact log = LogSoftmax(logits);
        return new Exact(new Shape(logits.Shape.N)).Like(n => -log[n, (int)targets[n]]);
    }

    /// <summary>The gradient of the loss, -dy at the target, then log softmax's: g[k] - softmax[k] x the sum of g.</summary>
    public static Exact CrossEntropyBackward(Exact logits, Exact targets, Exact dy)
    {
        Exact log = LogSoftmax(logits);
        int classes = logits.Shape.C;
        return logits.Like(i => (i % classes == (int)targets[i / classes] ? -dy[i / classes] : 0) + Math.Exp(log[i]) * dy[i / classes]);
    }

    private static Exact LogSoftmax(Exact logits)
    {
        var log = new Exact(logits.Shape);
        for (int n = 0; n < logits.Shape.N; n++)
        {
            double largest = double.NegativeInfinity, sum = 0;
            for (int k = 0; k < logits.Shape.C; k++)
                largest = Math.Max(largest, logits[n, k]);
            for (int k = 0; k < logits.Shape.C; k++)
                sum += Math.Exp(logits[n, k] - largest);
            for (int k = 0; k < logits.Shape.C; k++)
                log[n, k] = logits[n, k] - largest - Math.Log(sum);
        }
        return log;
    }
}
