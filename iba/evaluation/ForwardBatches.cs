using Iba.Engine.Networks;

namespace Iba.Evaluation;

/// <summary>
/// Runs a network on changed images. Those of several photos share a forward pass. Where a batch does not fit the device's memory, it is halved.
/// </summary>
/// <param name="classifier">The network.</param>
internal sealed class ForwardBatches(Classifier classifier) : IDisposable
{
    /// <summary>Images in one forward pass; a power of two, so that its halves fill it.</summary>
    private const int Batch = 32;

    private readonly BatchCache<Inference> _networks = new(rows => new Inference(classifier.Network, classifier.Image.WithN(rows)));

    /// <summary>A number of each image's logits, in the order of the images.</summary>
    /// <param name="images">H x W x 3 elements, which are copied before the next image is asked for, and the class that is followed.</param>
    /// <param name="number">The number, given an image's logits and class.</param>
    /// <param name="cancellation">Checked before each forward pass.</param>
    /// <exception cref="Engine.Backends.DeviceMemoryException">Not even one image fits.</exception>
    public IEnumerable<double> Numbers(
        IEnumerable<(float[] Pixels, int Target)> images, Func<ReadOnlySpan<float>, int, double> number, CancellationToken cancellation)
    {
        int row = (int)classifier.Image.Row;
        var input = new float[Batch * row];
        var targets = new List<int>();
        foreach ((float[] pixels, int target) in images)
        {
            pixels.CopyTo(input, targets.Count * row);
            targets.Add(target);
            if (targets.Count < Batch)
                continue;
            foreach (double value in Run())
                yield return value;
        }
        if (targets.Count == 0)
            yield break;
        foreach (double value in Run())
            yield return value;

        List<double> Run()
        {
            var values = new List<double>();
            while (values.Count < targets.Count)
            {
                cancellation.ThrowIfCancellationRequested();
                (float[] logits, int rows) = _networks.With(Batch, (network, rows) => (network.Run(input.AsSpan(values.Count * row, rows * row)), rows), null);
                int classes = logits.Length / rows;
                for (int i = 0; i < rows && values.Count < targets.Count; i++)
                    values.Add(number(logits.AsSpan(i * classes, classes), targets[values.Count]));
            }
            targets.Clear();
            return values;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _networks.Dispose();
}
