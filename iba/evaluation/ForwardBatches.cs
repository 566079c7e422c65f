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

    private readonly int _row = classifier.Image.Row;
    private readonly BatchCache<Inference> _networks = new(rows => new Inference(classifier.Network, classifier.Image.WithN(rows)));

    /// <summary>A number of each image's logits, in the order of the images.</summary>
    /// <param name="images">
    /// H x W x 3 elements, which are copied before the next image is asked for, and the class that is followed. Enumerated on another thread.
    /// </param>
    /// <param name="number">The number, given an image's logits and class.</param>
    /// <param name="cancellation">Checked before each forward pass.</param>
    /// <exception cref="Engine.Backends.DeviceMemoryException">Not even one image fits.</exception>
    public IEnumerable<double> Numbers(
        IEnumerable<(float[] Pixels, int Target)> images, Func<ReadOnlySpan<float>, int, double> number, CancellationToken cancellation)
    {
        using IEnumerator<(float[] Pixels, int Target)> rest = images.GetEnumerator();
        Images now = new(_row), next = new(_row);
        for (now.Fill(rest); now.Targets.Count > 0; (now, next) = (next, now))
        {
            // A GPU does not wait for the next images: they are made while it runs these.
            Task made = Task.Run(() => next.Fill(rest), CancellationToken.None);
            List<double> values;
            try
            {
                values = Run(now, number, cancellation);
            }
            finally
            {
                made.GetAwaiter().GetResult();
            }
            foreach (double value in values)
                yield return value;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _networks.Dispose();

    private List<double> Run(Images images, Func<ReadOnlySpan<float>, int, double> number, CancellationToken cancellation)
    {
        var values = new List<double>();
        while (values.Count < images.Targets.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            (float[] logits, int rows) = _networks.With(
                Batch, (network, rows) => (network.Run(images.Pixels.AsSpan(values.Count * _row, rows * _row)), rows), null);
            int classes = logits.Length / rows;
            for (int i = 0; i < rows && values.Count < images.Targets.Count; i++)
                values.Add(number(logits.AsSpan(i * classes, classes), images.Targets[values.Count]));
        }
        return values;
    }

    /// <summary>The input of a forward pass, with the class of each image. A batch that is not full keeps images of the one before at its end.</summary>
    private sealed class Images(int row)
    {
        public float[] Pixels { get; } = new float[Batch * row];

        public List<int> Targets { get; } = [];

        /// <summary>Replaces the images by the next ones.</summary>
        public void Fill(IEnumerator<(float[] Pixels, int Target)> from)
        {
            for (Targets.Clear(); Targets.Count < Batch && from.MoveNext(); Targets.Add(from.Current.Target))
                from.Current.Pixels.CopyTo(Pixels, Targets.Count * row);
        }
    }
}
