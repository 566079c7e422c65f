using Iba.Engine;
namespace Iba;

/// <summary>A result holds a number that is not finite, so that it says nothing. The results of other images are not touched by it.</summary>
/// <param name="sample">The image's place in the list that was to be explained, from 0.</param>
/// <param name="reason">What is not finite.</param>
public sealed class NonFiniteException(int sample, string reason)
    : IbaException($"image {sample}", reason, "Look at the weights: iba weights verify FILE")
{
    /// <summary>The image's place in the list that was to be explained, from 0.</summary>
    public int Sample { get; } = sample;

    /// <summary>The result that holds it, whose earlier steps may be finite; null where there is none.</summary>
    internal Explanation? Result { get; init; }

    /// <summary>Refuses logits that hold NaN or an infinity.</summary>
    /// <param name="logits">One for each class.</param>
    /// <param name="sample">The image's place in its list.</param>
    /// <exception cref="NonFiniteException">They do.</exception>
    public static void ThrowIfIn(ReadOnlySpan<float> logits, int sample)
    {
        if (FirstIn(logits) is { } at)
            throw new NonFiniteException(sample, InLogits(logits, at));
    }

    internal static string InLogits(ReadOnlySpan<float> logits, int at) =>
        $"the network's output for class {at} is {logits[at]}, no finite number";

    /// <summary>The place of the first number that is not finite; null where all are.</summary>
    internal static int? FirstIn(ReadOnlySpan<float> numbers) =>
        numbers.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) is >= 0 and var at ? at : null;
}
