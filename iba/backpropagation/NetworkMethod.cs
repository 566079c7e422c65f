using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Backpropagation;

/// <summary>
/// A method that runs a network on rows derived from each image: the image itself, or noisy, mixed or occluded versions. Rows run in chunks
/// within a memory budget, whatever the number of images. The result of an image is the same to the bit for every chunk size and any other
/// images in the batch.
/// </summary>
public abstract class NetworkMethod : IAttributionMethod
{
    /// <summary>
    /// 256 MiB. On a CPU more is slower, because chunks exceed the caches and every page of memory is touched for the first time
    /// (SmoothGrad on ResNet-50 at 224 x 224: 2.6 s per image with 128 or 256 MiB, 3 to 4 s with 1 GiB). The best value for a GPU has not
    /// been measured.
    /// </summary>
    public const long DefaultMemoryBudget = 256L << 20;

    /// <param name="network">The classifier.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    private protected NetworkMethod(Network network, Shape image) => (Network, Image) = (network, image.WithN(1));

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <summary>Upper bound of the activations and gradients of a chunk, in bytes, besides the parameters; at least one row runs.</summary>
    public long MemoryBudget { get; init; } = DefaultMemoryBudget;

    private protected Network Network { get; }

    private protected Shape Image { get; }

    private protected IBackend Backend => Network.Backend;

    /// <summary>Rows per image.</summary>
    private protected virtual int RowsPerImage => 1;

    /// <summary>What is recorded for a number of rows; disposed with the method.</summary>
    private protected abstract IBatchCache Recorded { get; }

    /// <summary>Explains images whose rows fit the budget together, or one image.</summary>
    /// <param name="samples">The images.</param>
    /// <param name="rowsDone">Called with progress; it throws on cancellation.</param>
    private protected abstract IEnumerable<Explanation> Explain(Sample[] samples, Action<int> rowsDone);

    /// <inheritdoc/>
    public IEnumerable<Explanation> Attribute(
        IReadOnlyList<Sample> samples, IProgress<AttributionProgress>? progress = null, CancellationToken cancellation = default)
    {
        Sample.Check(samples, Image, Name);
        return new SampleBatches(samples, progress, cancellation).Explain(
            Recorded, _ => Math.Max(Recorded.Within(MemoryBudget) / RowsPerImage, 1), (_, some, rowsDone) => Together(some, rowsDone),
            images => images * RowsPerImage, RowsPerImage == 1 ? "images" : "versions of an image");
    }

    private Explanation[] Together(Sample[] samples, Action<int> rowsDone)
    {
        using Backend.Call together = Backend.Enter(Name);
        return [.. Explain(samples, rowsDone)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes what the method holds.</summary>
    private protected virtual void Release() => Recorded.Dispose();

    /// <summary>The class to explain.</summary>
    /// <exception cref="ArgumentException">The network has no such class.</exception>
    private protected static int ClassOf(
        Sample sample, ReadOnlySpan<float> logits, ExplainedClass which = ExplainedClass.Target, LogitLoss? loss = null) =>
        (loss ?? LogitLoss.CrossEntropy).Target(which == ExplainedClass.Target ? sample.Target : null, logits);
}
