namespace Iba.Backpropagation;

/// <summary>What replaces a removed image or patch.</summary>
public enum Baseline
{
    /// <summary>The image's own mean colour: the paper's evaluation uses it for occlusion and integrated gradients.</summary>
    MeanColour,

    /// <summary>0 in the network's input: ImageNet's mean colour. The paper's Sensitivity-n uses it for occlusion.</summary>
    Zero,
}

/// <summary>Colours of a baseline.</summary>
internal static class BaselineColours
{
    /// <summary>The three colour values of every pixel of an image's baseline.</summary>
    public static float[] Of(this Baseline baseline, float[] pixels)
    {
        var sums = new double[3];
        for (int i = 0; i < pixels.Length && baseline == Baseline.MeanColour; i++)
            sums[i % 3] += pixels[i];
        return [.. sums.Select(sum => (float)(3 * sum / pixels.Length))];
    }
}
