using Iba.Engine.Autograd;
using Iba.Engine.Ops;
using Iba.Labels;

namespace Iba;

/// <summary>See <see cref="LogitLoss.Margin"/>.</summary>
internal sealed record MarginLoss : LogitLoss
{
    private readonly int _against;

    public MarginLoss(int against)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(against);
        _against = against;
    }

    public override string Name => $"margin to {_against}";

    internal override int Target(int? asked, ReadOnlySpan<float> logits)
    {
        Classes.Explained(_against, logits);
        int target = Classes.Explained(asked, logits);
        return target != _against ? target : throw new ArgumentException(asked is null
            ? $"the network predicts class {target}, and the margin is to the same class. Name the class to explain, or a margin to another one."
            : $"the margin of class {target} is to the same class. Give another one.");
    }

    public override string Words(int target, ClassLabels labels) => $"{labels[target]} rather than {labels[_against]}";

    /// <summary>-(z(a) - z(b)): the normaliser of the softmax is the same in both cross-entropies.</summary>
    private protected override Value Record(LossRows rows) => rows.Logits.CrossEntropy(rows.Targets) + rows.Surprise(_against) * -1f;
}
