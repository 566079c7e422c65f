using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Engine;

namespace Tests.Devices;

/// <summary>The same op on two backends: every result with its distance.</summary>
internal sealed class OpAgreement(IBackend expected, IBackend actual)
{
    /// <summary>Values and gradients of an op on a tape.</summary>
    public IEnumerable<(string Number, double Error)> Of(OpCase op)
    {
        using OpRun e = new(expected, op, uses: 1, planned: false), a = new(actual, op, uses: 1, planned: false);
        yield return ("values", Distance.Largest(e.Y, a.Y));
        for (int variable = 0; variable < op.Variables; variable++)
            yield return ("gradients", Distance.Largest(e.Gradient(variable), a.Gradient(variable)));
    }

    /// <summary>The three verbs of a convolution with bias, residual, ReLU and gate.</summary>
    public IEnumerable<(string Number, double Error)> Of(ConvolutionCase c)
    {
        using TestTensors e = new(expected), a = new(actual);
        yield return ("values", Distance.Largest(c.Forward(e), c.Forward(a), c.Typical.Values));
        yield return ("gradients of the data", Distance.Largest(c.BackwardData(e), c.BackwardData(a), c.Typical.DataGradient));
        yield return ("gradients of the weights", Distance.Largest(c.BackwardWeights(e), c.BackwardWeights(a), c.Typical.WeightGradient));
    }

    /// <summary>The verbs of a linear layer with bias, ReLU and gate.</summary>
    public IEnumerable<(string Number, double Error)> OfLinear(int n, int c, int k)
    {
        using TestTensors e = new(expected), a = new(actual);
        (float[][] first, float[][] second) = (Linear(e, n, c, k), Linear(a, n, c, k));
        string[] names = ["values", "gradients of the data", "gradients of the weights", "gradients of the bias"];
        return [.. names.Select((name, i) => (name, Distance.Largest(first[i], second[i])))];
    }

    private static float[][] Linear(TestTensors on, int n, int c, int k)
    {
        Tensor x = on.Upload(LinearTests.Random(1, n, c)), w = on.Upload(LinearTests.Random(2, k, c)), bias = on.Upload(LinearTests.Random(3, k));
        Tensor dy = on.Upload(LinearTests.Random(4, n, k)), gate = on.Upload(LinearTests.Random(5, n, c));
        Tensor y = on.Empty(dy.Shape), dx = on.Empty(x.Shape), dw = on.Empty(w.Shape), db = on.Empty(bias.Shape);
        on.Backend.Linear(x, w, bias, relu: true, y);
        on.Backend.LinearBackwardData(dy, w, new(dx, Adds: false, gate));
        on.Backend.LinearBackwardWeights(x, dy, new(dw, Adds: false));
        on.Backend.BiasBackward(dy, new(db, Adds: false));
        return [on.Download(y), on.Download(dx), on.Download(dw), on.Download(db)];
    }
}
