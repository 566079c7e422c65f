using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Engine.Backends;
using Engine.Tensors;
using Iba.Attribution;

namespace Iba.Bottleneck;

/// <summary>Samples on their way through a network recorded for a fixed number of images: a batch that is not full is filled up with its last image.</summary>
/// <param name="samples">At least one.</param>
/// <param name="size">Images that the network takes.</param>
internal sealed class SampleBatch(IReadOnlyList<Sample> samples, int size)
{
    /// <summary>(size) which noise each image meets.</summary>
    public float[] NoiseWords => [.. Enumerable.Range(0, size).Select(i => (float)NoiseWord(At(i).Pixels))];

    /// <summary>
    /// Which noise an image meets: the first 24 bits of the SHA-256 of its pixels, so that neither its place in a list nor its company
    /// matters.
    /// </summary>
    public static uint NoiseWord(ReadOnlySpan<float> pixels)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(pixels), hash);
        return (uint)(hash[0] << 16 | hash[1] << 8 | hash[2]);
    }

    /// <summary>Writes the images to the network's input (size, H, W, 3).</summary>
    public void Upload(IBackend backend, Tensor input)
    {
        for (int i = 0; i < size; i++)
            backend.Upload(At(i).Pixels, input.Rows(i, 1));
    }

    /// <summary>The class of each sample, or the predicted class of one that has none; those of the filling repeat the last.</summary>
    /// <param name="logits">size x classes numbers.</param>
    /// <exception cref="ArgumentException">The network knows no such class.</exception>
    public int[] Targets(float[] logits)
    {
        int classes = logits.Length / size;
        var targets = new int[size];
        for (int i = 0; i < size; i++)
        {
            targets[i] = At(i).Target ?? Classes.Largest(logits.AsSpan(i * classes, classes));
            if (targets[i] < 0 || targets[i] >= classes)
                throw new ArgumentException($"class {targets[i]} does not exist: the network knows classes 0 to {classes - 1}.");
        }
        return targets;
    }

    private Sample At(int i) => samples[Math.Min(i, samples.Count - 1)];
}
