using System.Globalization;
using System.Runtime.InteropServices;
using Iba.Engine.Files;
using Iba.Engine.Tensors;
using Iba.Images;

namespace Iba;

/// <summary>An image whose classification is to be explained.</summary>
/// <param name="Pixels">The network's input, H x W x 3 elements in that order, all finite.</param>
/// <param name="Target">The class to explain, or null for the class that the network predicts.</param>
public sealed record Sample(float[] Pixels, int? Target = null)
{
    /// <summary>
    /// Tolerance for rounding in other orders of operations, for colours from 0 to 1. Scaling to 0..1 and subtracting the mean round by at
    /// most 2⁻²⁵ each, and dividing by the standard deviation by 2⁻²⁴ of a difference of at most 1: 2⁻²³ = 1.2e-7 in all, in either
    /// direction.
    /// </summary>
    private const float Rounding = 1e-6f;

    /// <summary>
    /// How the pixels were computed from a photo's colours. Pixels outside its range are rejected, and so are statistics of photos that
    /// were prepared differently. Null turns both checks off: pixels may then be any finite values.
    /// </summary>
    public Preprocessing? Preprocessing { get; init; } = Preprocessing.ImageNet;

    /// <summary>A pass of the network over this image that was already run; null if there was none.</summary>
    internal ForwardPass? Known { get; init; }

    /// <summary>
    /// The image index in the noise's counter: the first 24 bits of the SHA-256 of the pixels, so that the noise depends neither on the image's place in a
    /// list nor on the other images. Computed here, because photos are prepared while others are explained.
    /// </summary>
    internal uint NoiseWord { get; } = Word(Pixels);

    /// <summary>Validates images before anything is computed.</summary>
    /// <param name="samples">The images.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="method">The method's name, for messages.</param>
    /// <exception cref="ArgumentException">An image has another size, or a value that is not finite or outside its preprocessing's
    /// range.</exception>
    internal static void Check(IReadOnlyList<Sample> samples, Shape image, string method)
    {
        for (int i = 0; i < samples.Count; i++)
        {
            float[] pixels = samples[i].Pixels;
            if (pixels.Length != image.Row)
            {
                throw new ArgumentException(
                    $"image {i} has {pixels.Length} elements; {method} was made for {image.WithN(1)}, {image.Row} elements.", nameof(samples));
            }
            CheckFinite(pixels, i, image);
            if (samples[i].Preprocessing is { } preprocessing)
                CheckRange(pixels, i, image, preprocessing);
        }
    }

    /// <summary>Throws if an image has a value that is not finite.</summary>
    /// <param name="pixels">H x W x 3 elements.</param>
    /// <param name="number">The image's index, for the message.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <exception cref="ArgumentException">There is one.</exception>
    internal static void CheckFinite(float[] pixels, long number, Shape image)
    {
        int strange = pixels.AsSpan().IndexOfAnyExceptInRange(float.MinValue, float.MaxValue);
        if (strange >= 0)
            throw new ArgumentException($"{Place(number, strange, image)} is {pixels[strange]}: pixels must be finite numbers.");
    }

    private static uint Word(ReadOnlySpan<float> pixels)
    {
        byte[] hash = Sha256Hash.Of(MemoryMarshal.AsBytes(pixels));
        return (uint)(hash[0] << 16 | hash[1] << 8 | hash[2]);
    }

    private static void CheckRange(float[] pixels, int number, Shape image, Preprocessing preprocessing)
    {
        for (int channel = 0; channel < 3; channel++)
        {
            float least = preprocessing.Normalised(-Rounding, channel), most = preprocessing.Normalised(1 + Rounding, channel);
            for (int at = channel; at < pixels.Length; at += 3)
            {
                if (pixels[at] < least || pixels[at] > most)
                {
                    throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                        $"{Place(number, at, image)} is {pixels[at]}, outside {preprocessing.Normalised(0, channel):0.###} to "
                        + $"{preprocessing.Normalised(1, channel):0.###}, the range of its preprocessing ({preprocessing}). Prepare the image so, or set the "
                        + $"sample's Preprocessing to the one that was used, or to null for any finite values."));
                }
            }
        }
    }

    private static string Place(long number, int at, Shape image) =>
        $"image {number}: number {at} (row {at / 3 / image.W}, column {at / 3 % image.W}, {(at % 3 == 0 ? "red" : at % 3 == 1 ? "green" : "blue")})";
}
