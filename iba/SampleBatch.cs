using System.Runtime.InteropServices;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Tensors;

namespace Iba;

/// <summary>Samples for a network recorded for a fixed number of images: a batch that is not full is padded with its last image.</summary>
/// <param name="samples">At least one.</param>
/// <param name="size">Images per batch of the network.</param>
internal sealed class SampleBatch(IReadOnlyList<Sample> samples, int size)
{
    /// <summary>(size) the image index of each image in the noise's counter.</summary>
    public float[] NoiseWords => [.. Enumerable.Range(0, size).Select(i => (float)NoiseWord(At(i).Pixels))];

    /// <summary>
    /// The image index in the noise's counter: the first 24 bits of the SHA-256 of the pixels, so that the noise depends neither on the
    /// image's place in a list nor on the other images.
    /// </summary>
    public static uint NoiseWord(ReadOnlySpan<float> pixels)
    {
        byte[] hash = Sha256Hash.Of(MemoryMarshal.AsBytes(pixels));
        return (uint)(hash[0] << 16 | hash[1] << 8 | hash[2]);
    }

    /// <summary>Writes the images to the network's input (size, H, W, 3).</summary>
    public void Upload(IBackend backend, Tensor input)
    {
        for (int i = 0; i < size; i++)
            backend.Upload(At(i).Pixels, input.Rows(i, 1));
    }

    /// <summary>The class of each sample, or the predicted class if it has none; padding repeats the last one.</summary>
    /// <param name="logits">size x classes elements.</param>
    /// <exception cref="ArgumentException">The network has no such class.</exception>
    public int[] Targets(float[] logits)
    {
        int classes = logits.Length / size;
        var targets = new int[size];
        for (int i = 0; i < size; i++)
            targets[i] = Classes.Explained(At(i).Target, logits.AsSpan(i * classes, classes));
        return targets;
    }

    private Sample At(int i) => samples[Math.Min(i, samples.Count - 1)];
}
