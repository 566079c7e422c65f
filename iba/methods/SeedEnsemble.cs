using Iba.Bottleneck;

namespace Iba.Methods;

/// <summary>
/// Explains each image with several seeds. The map is the mean over the seeds, and <see cref="Explanation.Seeds"/> has their spread: how much
/// of the map is due to the noise. Probabilities, bits and losses are means, too.
/// </summary>
public sealed class SeedEnsemble : IAttributionMethod
{
    private readonly MethodKind _kind;
    private readonly MethodInputs _from;
    private readonly int _seeds;

    /// <param name="kind">The method; its map must depend on the seed.</param>
    /// <param name="from">Its inputs. The first seed is <see cref="MethodInputs.Seed"/>, the others follow it.</param>
    /// <param name="seeds">The number of seeds, at least 2.</param>
    /// <exception cref="ArgumentException">The method has no noise, lacks an input, or there are fewer than 2 seeds.</exception>
    public SeedEnsemble(MethodKind kind, MethodInputs from, int seeds)
    {
        if (!kind.IsRandom)
            throw new ArgumentException($"{kind.Name} has no noise: its map is the same for every seed. Ask for one seed.");
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 2);
        kind.Create(from).Dispose();
        (_kind, _from, _seeds) = (kind, from, seeds);
    }

    /// <inheritdoc/>
    public string Name => _kind.Name;

    /// <inheritdoc/>
    public IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        int first = 0;
        foreach (Sample[] batch in samples.Chunk(_from.Batch))
        {
            var runs = new Outcome[_seeds][];
            for (int seed = 0; seed < _seeds; seed++)
            {
                // A method is created for one seed and one batch at a time: recordings for all seeds would need all their memory at once.
                using IAttributionMethod method = _kind.Create(_from with { Seed = _from.Seed + (ulong)seed });
                runs[seed] = [.. method.Explain(batch, new Share(progress, samples.Count, first, seed, _seeds), cancellation)];
            }
            for (int i = 0; i < batch.Length; i++)
            {
                Outcome[] of = [.. runs.Select(run => run[i])];
                if (Array.Find(of, outcome => outcome.Failure is not null).Failure is { } failure)
                    throw new NonFiniteException(first + i, failure.Reason);
                yield return Mean([.. of.Select(outcome => outcome.Explanation!)]);
            }
            first += batch.Length;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static Explanation Mean(Explanation[] of)
    {
        Explanation first = of[0];
        var mean = new float[first.Heatmap.Values.Length];
        var deviation = new float[mean.Length];
        for (int at = 0; at < mean.Length; at++)
        {
            (double average, double spread) = Moments.Of([.. of.Select(each => (double)each.Heatmap.Values[at])]);
            (mean[at], deviation[at]) = ((float)average, (float)spread);
        }
        Explanation result = first with
        {
            Heatmap = first.Heatmap with { Values = mean },
            Colours = null,
            Check = null,
            Seeds = new SeedSpread(of.Length, deviation),
        };
        if (result is not BottleneckExplanation bits)
            return result;
        (double total, double totalSpread) = Moments.Of([.. of.Select(each => ((BottleneckExplanation)each).TotalBits)]);
        return bits with
        {
            TotalBits = total,
            ProbabilityRestricted = of.Average(each => ((BottleneckExplanation)each).ProbabilityRestricted),
            Losses = [.. bits.Losses.Select((loss, step) => new StepLoss(
                of.Average(each => ((BottleneckExplanation)each).Losses[step].Model),
                of.Average(each => ((BottleneckExplanation)each).Losses[step].Information), loss.Beta))],
            Seeds = result.Seeds! with { TotalBitsDeviation = totalSpread },
        };
    }

    /// <summary>Passes on the progress of one seed on one batch as a part of the whole.</summary>
    private sealed class Share(IProgress<AttributionProgress>? whole, int images, int first, int seed, int seeds) : IProgress<AttributionProgress>
    {
        private const int Steps = 1_000_000;

        public void Report(AttributionProgress at)
        {
            // The images of a batch are finished together, by its last seed. Until then they are part of all the images in progress.
            double done = (at.ImagesDone + (double)at.Step / at.Steps * (at.Images - at.ImagesDone) + seed * at.Images) / seeds;
            whole?.Report(new AttributionProgress(first, images, (int)(Steps * done / (images - first)), Steps, at.Note));
        }
    }
}
