using Iba.Engine.Autograd;
using Iba.Engine.Ops;
using Iba.Labels;

namespace Iba;

/// <summary>See <see cref="LogitLoss.AnyOf"/>.</summary>
internal sealed record AnyOfLoss : LogitLoss
{
    /// <summary>Added to a logit, it leaves its class a probability of 0.</summary>
    private const float Never = -1e30f;

    private readonly int[] _classes;

    public AnyOfLoss(IReadOnlyList<int> classes)
    {
        _classes = [.. classes];
        if (_classes.Distinct().Count() < _classes.Length)
            throw new ArgumentException($"the loss '{Name}' has a class twice. Give each once.");
        if (_classes.Length < 2)
        {
            throw new ArgumentException(
                $"a loss of several classes needs two classes at least, and was given {_classes.Length}. For one, cross-entropy is the loss.");
        }
    }

    public override string Name => $"any of {string.Join(", ", _classes)}";

    public bool Equals(AnyOfLoss? other) => other is not null && _classes.AsSpan().SequenceEqual(other._classes);

    public override int GetHashCode() => _classes.Aggregate(0, HashCode.Combine);

    internal override int Target(int? asked, ReadOnlySpan<float> logits)
    {
        foreach (int each in _classes)
            Classes.Explained(each, logits);
        int target = asked ?? _classes[0];
        return _classes.Contains(target) ? target : throw new ArgumentException($"class {target} is not one of the loss '{Name}'. Name one of them, or none.");
    }

    internal override double Probability(double[] probabilities, int target) => _classes.Sum(each => probabilities[each]);

    public override string Words(int target, ClassLabels labels)
    {
        const int Most = 3;
        return _classes.Length <= Most ? string.Join(" or ", _classes.Select(each => labels[each])) : $"{labels[target]} or {_classes.Length - 1} others";
    }

    /// <summary>
    /// ln Σ over all - ln Σ over the classes, of e^z: with t any of the classes, the cross-entropy of t minus the cross-entropy of t among them alone.
    /// </summary>
    private protected override Value Record(LossRows rows)
    {
        foreach (int each in _classes)
            rows.Existing(each);
        float[] others = [.. Enumerable.Range(0, rows.Rows * rows.Classes).Select(at => _classes.Contains(at % rows.Classes) ? 0 : Never)];
        Value among = (rows.Logits + rows.Constant(others, rows.Logits.Shape)).CrossEntropy(rows.Targets);
        return rows.Surprise() + among * -1f;
    }
}
