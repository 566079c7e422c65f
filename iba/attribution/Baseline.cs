namespace Iba.Attribution;

/// <summary>What an image is replaced by where it is taken away.</summary>
public enum Baseline
{
    /// <summary>The image's own mean colour: what the paper's evaluation takes for occlusion and integrated gradients.</summary>
    MeanColour,

    /// <summary>0 in the network's input: ImageNet's mean colour. The paper's Sensitivity-n takes it for occlusion.</summary>
    Zero,
}

/// <summary>Colours of a baseline.</summary>
internal static class BaselineColours
{
    /// <summary>The three numbers of every pixel of an image's baseline.</summary>
    public static float[] Of(this Baseline baseline, float[] pixels)
    {
        var sums = new double[3];
        for (int i = 0; i < pixels.Length && baseline == Baseline.MeanColour; i++)
            sums[i % 3] += pixels[i];
        return [.. sums.Select(sum => (float)(3 * sum / pixels.Length))];
    }
}
