namespace Iba;

/// <summary>What became of one image: its explanation, or why it has none.</summary>
/// <param name="Sample">The image's place in its list.</param>
/// <param name="Explanation">The result; null where it failed.</param>
/// <param name="Failure">What is not finite; null where all is.</param>
public readonly record struct Outcome(int Sample, Explanation? Explanation, NonFiniteException? Failure);

/// <summary>Explains images one and all.</summary>
public static class Outcomes
{
    extension(IAttributionMethod method)
    {
        /// <summary>
        /// Like <see cref="IAttributionMethod.Attribute"/>, but a result that is not finite does not end the sequence: the following images are explained
        /// nevertheless.
        /// </summary>
        /// <param name="samples">The images.</param>
        /// <param name="progress">Called from time to time.</param>
        /// <param name="cancellation">Checked between steps.</param>
        /// <returns>One for each sample, in their order, as they are finished.</returns>
        public IEnumerable<Outcome> Explain(
            IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
        {
            for (int next = 0; next < samples.Count;)
            {
                Sample[] rest = [.. samples.Skip(next)];
                using IEnumerator<Explanation> results = method.Attribute(rest, progress, cancellation).GetEnumerator();
                for (bool goesOn = true; goesOn && next < samples.Count; next++)
                {
                    Outcome one;
                    try
                    {
                        if (!results.MoveNext())
                            throw new InvalidOperationException($"{method.Name} gave fewer results than images");
                        one = new Outcome(next, results.Current, null);
                    }
                    catch (NonFiniteException failure)
                    {
                        one = new Outcome(next, null, failure);
                        goesOn = false;
                    }
                    yield return one;
                }
            }
        }
    }
}
