using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// Relevance at the sum y = a + b of a residual block: R_a = a+ / (a+ + b+) R and R_b = b+ / (a+ + b+) R, where a+ = max(a, 0). The ReLU
/// after the sum has relevance only where y is positive, where a+ + b+ is positive too, so nothing is lost. (The paper's code has no
/// residual sums.)
/// </summary>
internal static class ResidualShare
{
    /// <summary>Shapes of the scratch memory.</summary>
    public static IEnumerable<Shape> Scratch(Value y) => [y.Shape, y.Shape, y.Shape];

    /// <summary>Redistributes dy.</summary>
    public static void Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (d.Scratch(y) is not [var share, var a, var b])
            throw new InvalidOperationException($"{y.Op}: the rule's Scratch must return ResidualShare.Scratch for this line.");
        on.Map(new Relu(), y[0], a);
        on.Map(new Relu(), y[1], b);
        on.Add(a, b, share);
        on.Ratio(dy, share, 0, share);
        if (y[0].WantsGradient)
            on.MultiplyBackward(share, a, d.Into(y[0]));
        if (y[1].WantsGradient)
            on.MultiplyBackward(share, b, d.Into(y[1]));
    }
}
