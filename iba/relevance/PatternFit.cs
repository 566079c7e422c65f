using Iba.Backpropagation;
using Iba.Engine;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba.Relevance;

/// <summary>
/// Estimates signal patterns (Kindermans et al. 2018, section 4) in one pass over images that are not stored: every weight needs only a few
/// sums over all its inputs x and outputs y, and each of them is computed as a weight gradient.
/// </summary>
public static class PatternFit
{
    /// <summary>Estimates the patterns of all weights.</summary>
    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="images">The images' pixels, enumerated once.</param>
    /// <param name="estimator">How the direction of the signal is estimated.</param>
    /// <param name="batch">Images per run; all their activations are in memory. It affects the result by rounding only.</param>
    /// <param name="weightsSha256">SHA-256 of the network's weights, saved with the patterns; empty if unknown.</param>
    /// <param name="preprocessing">How the images were prepared, saved with the patterns; null if unknown.</param>
    /// <param name="progress">Called with the number of images seen.</param>
    /// <param name="halved">Called with the new number of images per run if so many are too large for the device or for a tensor.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="PatternsException">There were fewer than two images.</exception>
    /// <exception cref="DeviceMemoryException">Not even one image fits.</exception>
    /// <exception cref="TensorSizeException">A tensor of one image would be too large.</exception>
    /// <exception cref="ArgumentException">An image has a value that is not finite.</exception>
    public static Patterns Run(
        Network network, Shape image, IEnumerable<float[]> images, SignalEstimator estimator = SignalEstimator.TwoComponent, int batch = 4,
        string weightsSha256 = "", Preprocessing? preprocessing = null, IProgress<long>? progress = null, Action<int>? halved = null,
        CancellationToken cancellation = default)
    {
        var sums = new Dictionary<string, PatternSums>();
        using var run = new BatchCache<ActivationTape>(rows => new ActivationTape(network, image.WithN(rows)));
        long seen = 0;
        int most = batch;
        try
        {
            // SampleBatches needs a list; these images come one by one, and only one batch of them is in memory.
            foreach (float[][] chunk in images.Chunk(batch))
            {
                for (int done = 0; done < chunk.Length;)
                {
                    cancellation.ThrowIfCancellationRequested();
                    float[][] some = chunk[done..Math.Min(done + most, chunk.Length)];
                    try
                    {
                        Add(some);
                    }
                    catch (IbaException full) when (seen == 0 && run.IsTooLarge(full))
                    {
                        // The sums restart at 0, so that nothing is counted twice. Later batches need no more memory than the first.
                        Forget();
                        most = run.Halve(full);
                        halved?.Invoke(most);
                        continue;
                    }
                    done += some.Length;
                    seen += some.Length;
                    progress?.Report(seen);
                }
            }
            if (seen < 2)
                throw new PatternsException("the patterns", $"they cannot be fitted to {seen} images: a covariance needs at least 2", "Give more images.");
            return new Patterns(
                new PatternOrigin(network.Name, weightsSha256, estimator, seen) { Preprocessing = $"{preprocessing}" },
                Patterns.WeightsOf(network).ToDictionary(weight => weight.Name, weight => sums[weight.Name].Finish(weight.Data)));
        }
        finally
        {
            Forget();
        }

        void Add(float[][] some)
        {
            ActivationTape tape = run.Of(some.Length);
            for (int i = 0; i < some.Length; i++)
                Sample.CheckFinite(some[i], seen + i, image);
            tape.Forward(some);
            foreach (WeightedSum sum in tape.Sums)
            {
                if (!sums.TryGetValue(sum.W.Name, out PatternSums? into))
                {
                    bool whereOn = estimator == SignalEstimator.TwoComponent && tape.EndsInRelu(sum);
                    sums[sum.W.Name] = into = new PatternSums(network.Backend, sum, whereOn);
                }
                into.Add(sum);
            }
        }

        void Forget()
        {
            foreach (PatternSums each in sums.Values)
                each.Dispose();
            sums.Clear();
        }
    }

    /// <summary>The unfused network on a kept tape: after a run every input and output of every weighted sum can be read.</summary>
    private sealed class ActivationTape : IDisposable
    {
        private readonly Tape _tape;
        private readonly Tensor _input;

        public ActivationTape(Network network, Shape images)
        {
            _input = network.Backend.Allocate(images);
            _tape = new Tape(network.Backend);
            network.Record(_tape.Constant(_input, "input"), fused: false);
            Sums = [.. _tape.Where(line => line.Op is not null).Select(WeightedSum.Of).OfType<WeightedSum>()];
        }

        public IReadOnlyList<WeightedSum> Sums { get; }

        public bool EndsInRelu(WeightedSum sum) => _tape.Any(line => line.Op is Map<Relu> && line[0] == sum.Line);

        public void Forward(float[][] images)
        {
            for (int i = 0; i < images.Length; i++)
                _tape.Backend.Upload(images[i], _input.Rows(i, 1));
            _tape.Forward();
        }

        public void Dispose()
        {
            _tape.Dispose();
            _input.Storage.Dispose();
        }
    }
}
