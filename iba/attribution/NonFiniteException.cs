namespace Iba.Attribution;

/// <summary>A result holds a number that is not finite, so that it says nothing. The results of other images are not touched by it.</summary>
/// <param name="sample">The image's place in the list that was to be explained, from 0.</param>
/// <param name="reason">What is not finite, and what to look at.</param>
public sealed class NonFiniteException(int sample, string reason) : Exception($"image {sample}: {reason}")
{
    /// <summary>The image's place in the list that was to be explained, from 0.</summary>
    public int Sample { get; } = sample;

    /// <summary>What is not finite, and what to look at.</summary>
    public string Reason { get; } = reason;

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
        $"the network's output for class {at} is {logits[at]}, no finite number. Look at the weights: iba weights verify FILE";

    /// <summary>The place of the first number that is not finite; null where all are.</summary>
    internal static int? FirstIn(ReadOnlySpan<float> numbers) =>
        numbers.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) is >= 0 and var at ? at : null;
}

/// <summary>What became of one image: its attribution, or why it has none.</summary>
/// <param name="Sample">The image's place in its list.</param>
/// <param name="Attribution">The result; null where it failed.</param>
/// <param name="Failure">What is not finite; null where all is.</param>
public readonly record struct Explanation(int Sample, Attribution? Attribution, NonFiniteException? Failure);

/// <summary>Explains images one and all.</summary>
public static class Explanations
{
    extension(IAttributionMethod method)
    {
        /// <summary>
        /// As <see cref="IAttributionMethod.Attribute"/>, but a result that is not finite does not end the list: the images behind it are explained all the same.
        /// </summary>
        /// <param name="samples">The images.</param>
        /// <param name="progress">Told now and then.</param>
        /// <param name="cancellation">Asked between steps.</param>
        /// <returns>One for each sample, in their order, as they are finished.</returns>
        public IEnumerable<Explanation> Explain(
            IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
        {
            for (int next = 0; next < samples.Count;)
            {
                Sample[] rest = [.. samples.Skip(next)];
                using IEnumerator<Attribution> results = method.Attribute(rest, progress, cancellation).GetEnumerator();
                for (bool goesOn = true; goesOn && next < samples.Count; next++)
                {
                    Explanation one;
                    try
                    {
                        if (!results.MoveNext())
                            throw new InvalidOperationException($"{method.Name} gave fewer results than images");
                        one = new Explanation(next, results.Current, null);
                    }
                    catch (NonFiniteException failure)
                    {
                        one = new Explanation(next, null, failure);
                        goesOn = false;
                    }
                    yield return one;
                }
            }
        }
    }
}
