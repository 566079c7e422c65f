using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba;

/// <summary>Samples for a network recorded for a fixed number of images: a batch that is not full is padded with its last image.</summary>
/// <param name="samples">At least one.</param>
/// <param name="size">Images per batch of the network.</param>
internal sealed class SampleBatch(IReadOnlyList<Sample> samples, int size)
{
    /// <summary>(size) the image index of each image in the noise's counter.</summary>
    public float[] NoiseWords => [.. Enumerable.Range(0, size).Select(i => (float)At(i).NoiseWord)];

    /// <summary>Writes the images to the network's input (size, H, W, 3).</summary>
    public void Upload(IBackend backend, Tensor input)
    {
        for (int i = 0; i < size; i++)
            backend.Upload(At(i).Pixels, input.Rows(i, 1));
    }

    /// <summary>size x classes logits of passes that were already run; null unless all images have one with the features of these layers.</summary>
    public float[]? KnownLogits(params IReadOnlyList<string> layers) =>
        samples.All(sample => sample.Known is { } known && layers.All(known.Features.ContainsKey))
            ? [.. Enumerable.Range(0, size).SelectMany(i => At(i).Known!.Logits)]
            : null;

    /// <summary>Writes the features of a layer that are known of all images to (size, H, W, C).</summary>
    public void UploadKnown(IBackend backend, string layer, Tensor features)
    {
        for (int i = 0; i < size; i++)
            backend.Upload(At(i).Known!.Features[layer], features.Rows(i, 1));
    }

    /// <summary>The class of each sample, or the predicted class if it has none; padding repeats the last one.</summary>
    /// <param name="logits">size x classes elements.</param>
    /// <param name="loss">The loss that is minimised; null for cross-entropy.</param>
    /// <exception cref="ArgumentException">The network has no such class, or the loss does not fit it.</exception>
    public int[] Targets(float[] logits, LogitLoss? loss = null)
    {
        int classes = logits.Length / size;
        var targets = new int[size];
        for (int i = 0; i < size; i++)
            targets[i] = (loss ?? LogitLoss.CrossEntropy).Target(At(i).Target, logits.AsSpan(i * classes, classes));
        return targets;
    }

    private Sample At(int i) => samples[Math.Min(i, samples.Count - 1)];
}
