using Iba.Engine;
using Iba.Engine.Autograd;

namespace Iba;

/// <summary>
/// A list of images that a method explains batch by batch. Every method cuts its list here: images that do not fit the device's memory are
/// explained again in smaller batches, and a result that is not finite is refused.
/// </summary>
/// <param name="samples">The images.</param>
/// <param name="progress">Called before every step and after every batch.</param>
/// <param name="cancellation">Checked before every step.</param>
internal sealed class SampleBatches(IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress, CancellationToken cancellation)
{
    /// <summary>Explains all images, in their order.</summary>
    /// <param name="recorded">What the method records for a number of rows; halved if they are too large.</param>
    /// <param name="size">The size of the next batch, given how many images remain; it may be larger than that.</param>
    /// <param name="explain">Explains images with a recording of the size that was chosen. Calls the action with the number of steps done.</param>
    /// <param name="steps">The number of steps for a number of images.</param>
    /// <param name="rows">What a recording's rows are, for the message about a full device.</param>
    public IEnumerable<Explanation> Explain(
        IBatchCache recorded, Func<int, int> size, Func<int, Sample[], Action<int>, Explanation[]> explain, Func<int, int> steps, string rows = "images")
    {
        // Images before this one are explained one by one.
        int alone = 0;
        for (int done = 0; done < samples.Count;)
        {
            Explanation[] results;
            int left = done < alone ? 1 : samples.Count - done, taken = 0;
            try
            {
                int chosen = size(left);
                Sample[] some = [.. samples.Skip(done).Take(Math.Min(chosen, left))];
                taken = some.Length;
                results = explain(chosen, some, Report);

                void Report(int step)
                {
                    cancellation.ThrowIfCancellationRequested();
                    progress?.Report(new AttributionProgress(done, samples.Count, step, steps(some.Length)));
                }
            }
            catch (IbaException full) when (recorded.IsTooLarge(full))
            {
                int fewer = recorded.Halve(full);
                progress?.Report(AttributionProgress.Halved(done, samples.Count, fewer, rows));
                continue;
            }
            catch (NonFiniteLineException) when (taken > 1)
            {
                // A line holds all images of its batch. One by one, the image that it is about has a number, and the others of the batch their results.
                alone = done + taken;
                continue;
            }
            catch (NonFiniteLineException broken)
            {
                throw new NonFiniteException(done, broken.Line.ToString());
            }
            int last = steps(results.Length);
            foreach (Explanation result in results)
                yield return result.MustBeFinite(done++);
            progress?.Report(new AttributionProgress(done, samples.Count, 0, last));
        }
    }
}
