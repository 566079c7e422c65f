using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// Layer-wise relevance propagation (Bach et al. 2015) as in the paper's code. For a weighted sum, positive contributions z+ = a+ w+ + a-
/// w- and negative ones z- = a- w+ + a+ w- are redistributed separately:
/// R_i = Σ_j (α z+_ij / s(Z+_j) - β z-_ij / s(Z-_j)) R_j, where α - β = 1, Z sums over i, s(x) = x + ε sign(x) and s(0) = 1 + ε.
/// Biases are ignored. ReLUs pass relevance on unchanged, and max pools pass it to the maximum. Average pools and the sums of residual
/// blocks have no weights whose sign separates contributions: under either rule they redistribute relevance in proportion to
/// positive contributions, which conserves it.
/// </summary>
/// <param name="α">Weight of the positive contributions.</param>
/// <param name="β">Weight of the negative contributions, α - 1.</param>
/// <param name="ε">Stabilises small sums; relevance that it absorbs is lost.</param>
public sealed class LrpRule(float α, float β, float ε) : BackwardRule, IDisposable
{
    private readonly SignedParts _parts = new();

    /// <inheritdoc/>
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        switch (y.Op)
        {
            case Map<Relu>:
                d.Pass(dy, y[0]);
                return true;
            case AdaptiveAveragePool:
                Pool(on, y, dy, d);
                return true;
            case Add:
                ResidualShare.Backward(on, y, dy, d);
                return true;
            case MaxPool or Multiply or Sum:
                return false;
            default:
                Share(on, WeightedSum.Of(y) ?? throw new NotSupportedException($"{y.Op}: LRP has no rule for it."), dy, d);
                return true;
        }
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) =>
        y.Op is Add || (input == 0 && y.Op is Convolution or Linear or AdaptiveAveragePool);

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => y.Op is AdaptiveAveragePool;

    /// <inheritdoc/>
    public override IEnumerable<Shape> Scratch(Value y) => y.Op switch
    {
        Add => ResidualShare.Scratch(y),
        AdaptiveAveragePool => [y.Shape, y[0].Shape],
        Convolution or Linear when IsNonnegative(y[0]) => [y.Shape, y[0].Shape],
        Convolution or Linear => [y.Shape, y[0].Shape, y.Shape, y[0].Shape, y[0].Shape],
        _ => [],
    };

    /// <inheritdoc/>
    public void Dispose() => _parts.Dispose();

    private void Share(IBackend on, WeightedSum sum, Tensor dy, Gradients d)
    {
        Accumulator dx = d.Into(sum.X);
        if (α != 0)
            dx = Share(on, sum, dy, d, α, positive: true, dx);
        if (β != 0)
            dx = Share(on, sum, dy, d, -β, positive: false, dx);
    }

    /// <summary>
    /// Redistributes factor R by contributions of one sign: a+ times weights of that sign, and a- times weights of the other.
    /// </summary>
    private Accumulator Share(
        IBackend on, WeightedSum sum, Tensor dy, Gradients d, float factor, bool positive, Accumulator dx)
    {
        Tensor[] scratch = d.Scratch(sum.Line);
        (Tensor z, Tensor c) = (scratch[0], scratch[1]);
        Tensor same = _parts.Of(on, sum.W, positive), other = same;
        Tensor above = sum.X, below = sum.X;
        bool mixed = scratch.Length > 2;
        if (mixed)
        {
            (Tensor more, above, below) = (scratch[2], scratch[3], scratch[4]);
            other = _parts.Of(on, sum.W, !positive);
            on.Map(new Relu(), sum.X, above);
            on.Map(new Clamp(float.NegativeInfinity, 0), sum.X, below);
            sum.Apply(on, below, other, more);
            sum.Apply(on, above, same, z);
            on.Accumulate(more, new Accumulator(z, Adds: true));
        }
        else
        {
            sum.Apply(on, above, same, z);
        }

        on.Ratio(dy, z, ε, z);
        if (factor != 1)
            on.Map(new Scale(factor), z, z);
        sum.Transpose(on, z, same, new Accumulator(c, Adds: false));
        on.MultiplyBackward(c, above, dx);
        dx = dx with { Adds = true };
        if (mixed)
        {
            sum.Transpose(on, z, other, new Accumulator(c, Adds: false));
            on.MultiplyBackward(c, below, dx);
        }
        return dx;
    }

    /// <summary>A mean of ReLU outputs: all contributions are positive.</summary>
    private static void Pool(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (d.Scratch(y) is not [var share, var spread])
            return;
        on.Ratio(dy, y, 0, share);
        on.AdaptiveAveragePoolBackward(share, new Accumulator(spread, Adds: false));
        on.MultiplyBackward(spread, y[0], d.Into(y[0]));
    }

    /// <summary>
    /// Whether a value is nonnegative because of the op that computed it. Then half of the contributions are 0 and need no computation.
    /// </summary>
    private static bool IsNonnegative(Value x) => x.Op switch
    {
        null => false,
        MaxPool or AdaptiveAveragePool => IsNonnegative(x[0]),
        _ => x.Op.EndsInRelu,
    };
}
