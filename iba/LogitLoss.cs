using Iba.Engine.Autograd;
using Iba.Labels;

namespace Iba;

/// <summary>
/// The loss that an explanation minimises, a function of the logits: one number for each row. Bottlenecks minimise it plus β times the mean
/// information in nats (paper, section 3.2). Gradient methods, which explain the class's logit by default, explain minus the loss if it is another one than
/// <see cref="CrossEntropy"/>. Losses are compared by value: photos of different losses never share a batch.
/// </summary>
public abstract record LogitLoss
{
    private protected LogitLoss()
    {
    }

    /// <summary>-ln p(target), the paper's loss and the default: how surprising the target is, in nats.</summary>
    public static LogitLoss CrossEntropy { get; } = new CrossEntropyLoss();

    /// <summary>What it is called in files and messages.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it is the default.</summary>
    internal bool IsCrossEntropy => this == CrossEntropy;

    /// <summary>
    /// -ln Σ p(k) over several classes, in nats: what makes it one of these, whichever. Where they share the probability, the map needs no bits to tell them
    /// apart. Like cross-entropy it is at least 0 and flattens where it is small, so β means the same.
    /// </summary>
    /// <param name="classes">Two classes at least. The result's target is the first of them unless a sample names another.</param>
    /// <exception cref="ArgumentException">A class is given twice, or there are fewer than two.</exception>
    public static LogitLoss AnyOf(params IReadOnlyList<int> classes) => new AnyOfLoss(classes);

    /// <summary>
    /// -(z(target) - z(against)) = -ln(p(target) / p(against)): what makes it the target rather than the other class. It has no lower bound, and its gradient
    /// does not vanish when the target wins. So more bits pass for the same β; a larger β, 100 in place of 10, gives maps as sparse as cross-entropy's.
    /// </summary>
    /// <param name="against">The other class.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 0.</exception>
    public static LogitLoss Margin(int against) => new MarginLoss(against);

    /// <summary>A loss of the caller's own, anything that the engine can derive. Two are equal if their names and their functions are.</summary>
    /// <param name="name">What it is called in files and messages.</param>
    /// <param name="record">
    /// Records it: one number for each row, (N). Called whenever a tape is recorded, for gradient methods for every batch, on the thread that explains. A
    /// lambda that captures variables is another function each time it is made: keep the loss to have its photos share batches and recordings.
    /// </param>
    /// <exception cref="ArgumentException">It has no name.</exception>
    public static LogitLoss Of(string name, Func<LossRows, Value> record)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(record);
        return new OwnLoss(name, record);
    }

    /// <inheritdoc/>
    public sealed override string ToString() => Name;

    /// <summary>Records it: (N).</summary>
    /// <exception cref="ArgumentException">The network lacks a class of it, or it does not give one number for each row.</exception>
    internal Value On(LossRows rows)
    {
        Value loss = Record(rows);
        return loss.Shape.Rank == 1 && loss.Shape.N == rows.Rows && loss.WantsGradient ? loss : throw new ArgumentException(
            $"the loss '{Name}' gives {loss.Shape}{(loss.WantsGradient ? "" : ", which does not depend on the logits")}: "
            + $"it must give one number for each of {rows.Rows} rows, computed from the logits. MeanRows() of (N, K) does.");
    }

    /// <summary>The class that the result names.</summary>
    /// <param name="asked">The class that was asked for; null if none was.</param>
    /// <param name="logits">Those of the photo.</param>
    /// <exception cref="ArgumentException">The network has no such class, or the loss does not fit it.</exception>
    internal virtual int Target(int? asked, ReadOnlySpan<float> logits) => Classes.Explained(asked, logits);

    /// <summary>The probability of what is explained, from those of all classes.</summary>
    internal virtual double Probability(double[] probabilities, int target) => probabilities[target];

    /// <summary>What is explained, in words: "tabby", "tabby or tiger cat", "tabby rather than tiger cat".</summary>
    public virtual string Words(int target, ClassLabels labels) => labels[target];

    private protected abstract Value Record(LossRows rows);

    private sealed record CrossEntropyLoss : LogitLoss
    {
        public override string Name => "cross-entropy";

        private protected override Value Record(LossRows rows) => rows.Surprise();
    }

    private sealed record OwnLoss(string Called, Func<LossRows, Value> Function) : LogitLoss
    {
        public override string Name => Called;

        private protected override Value Record(LossRows rows) => Function(rows);
    }
}
