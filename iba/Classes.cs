using Iba.Engine.Autograd;
using Iba.Engine.Ops;

namespace Iba;

/// <summary>Logits read as a decision among classes.</summary>
public static class Classes
{
    /// <summary>The class with the largest logit, the first one in case of a tie.</summary>
    public static int Largest(ReadOnlySpan<float> logits)
    {
        int largest = 0;
        for (int k = 1; k < logits.Length; k++)
        {
            if (logits[k] > logits[largest])
                largest = k;
        }
        return largest;
    }

    /// <summary>The class to explain: the one that was asked for, or the predicted one.</summary>
    /// <param name="target">The class that was asked for; null for the predicted one.</param>
    /// <param name="logits">One for each class.</param>
    /// <exception cref="ArgumentException">The network has no such class.</exception>
    internal static int Explained(int? target, ReadOnlySpan<float> logits)
    {
        int explained = target ?? Largest(logits);
        return explained >= 0 && explained < logits.Length
            ? explained
            : throw new ArgumentException($"class {explained} does not exist: the network's classes are 0 to {logits.Length - 1}.");
    }

    /// <summary>
    /// How many classes come before one by falling logits, 0 for <see cref="Largest"/>: the first comes first in case of a tie, and a logit that is not a
    /// number comes before all others.
    /// </summary>
    /// <param name="logits">One for each class.</param>
    /// <param name="index">The class.</param>
    public static int Rank(ReadOnlySpan<float> logits, int index)
    {
        int before = 0;
        for (int k = 0; k < logits.Length; k++)
        {
            if (k < index && !(logits[k] < logits[index]) || k > index && !(logits[k] <= logits[index]))
                before++;
        }
        return before;
    }

    /// <summary>
    /// The probability of each class, in double, safe for large logits: the softmax, or for a network with one output z the sigmoid 1 / (1 + e⁻ᶻ), its
    /// probability of the positive class. A softmax over one number is 1 whatever the number, so its cross-entropy is 0 and has no gradient.
    /// </summary>
    public static double[] Probabilities(ReadOnlySpan<float> logits)
    {
        if (logits.Length == 1)
            return [1 / (1 + Math.Exp(-(double)logits[0]))];
        double largest = logits[Largest(logits)];
        var probabilities = new double[logits.Length];
        double sum = 0;
        for (int k = 0; k < logits.Length; k++)
            sum += probabilities[k] = Math.Exp(logits[k] - largest);
        for (int k = 0; k < logits.Length; k++)
            probabilities[k] /= sum;
        return probabilities;
    }

    /// <summary>What <see cref="Probabilities"/> are of a network with so many outputs, in a word: softmax or sigmoid.</summary>
    public static string Activation(int outputs) => outputs == 1 ? "sigmoid" : "softmax";

    extension(Value logits)
    {
        /// <summary>
        /// Records -ln p of each row's target in nats: logits (N, K) and targets (N), class indices kept as floats, to (N). For K = 1 the target is the one
        /// output z and p its sigmoid.
        /// </summary>
        internal Value Surprise(Value targets) => logits.Shape.C == 1 ? MinusLogSigmoid(logits).MeanRows() : logits.CrossEntropy(targets);
    }

    /// <summary>
    /// -ln sigmoid(z), computed without underflow: with c = z clamped to -80 .. 80 it is -ln sigmoid(c) + max(c - z, 0). The slope is
    /// sigmoid(z) - 1: below -80 it comes from the second term, above from the first.
    /// </summary>
    private static Value MinusLogSigmoid(Value z)
    {
        const float Representable = 80;

        Value c = z.Clamp(-Representable, Representable);
        return c.Sigmoid().Log() * -1f + (c + z * -1f).Relu();
    }
}
