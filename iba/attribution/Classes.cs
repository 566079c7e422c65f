namespace Iba.Attribution;

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

    /// <summary>The probability of each class, in double, without overflow for large logits.</summary>
    public static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double largest = logits[Largest(logits)];
        var probabilities = new double[logits.Length];
        double sum = 0;
        for (int k = 0; k < logits.Length; k++)
            sum += probabilities[k] = Math.Exp(logits[k] - largest);
        for (int k = 0; k < logits.Length; k++)
            probabilities[k] /= sum;
        return probabilities;
    }
}
