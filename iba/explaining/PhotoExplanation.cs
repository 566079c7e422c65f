using Iba.Bottleneck;
using Iba.Images;
using Iba.Labels;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Explaining;

/// <summary>The explanation of a photo's classification.</summary>
public sealed class PhotoExplanation
{
    private readonly MethodKind _method;
    private readonly MethodInputs _inputs;
    private readonly ClassLabels _labels;

    internal PhotoExplanation(Explanation explanation, NetworkInput photo, ClassLabels labels, MethodKind method, MethodInputs inputs) =>
        (Explanation, Photo, _labels, _method, _inputs) = (explanation, photo, labels, method, inputs);

    /// <summary>The map, the logits, and of bottlenecks the losses.</summary>
    public Explanation Explanation { get; }

    /// <summary>The photo as the network saw it.</summary>
    public NetworkInput Photo { get; }

    /// <summary>The class explained.</summary>
    public int Target => Explanation.Target;

    /// <summary>Its name.</summary>
    public string Label => _labels[Target];

    /// <summary>The class with the largest logit.</summary>
    public int Predicted => Explanation.Predicted;

    /// <summary>The network's probability of the target.</summary>
    public double Probability => Explanation.Probability;

    /// <summary>The map, S x S values: bits per pixel of bottlenecks, else the method's own unit.</summary>
    public Heatmap Heatmap => Explanation.Heatmap;

    /// <summary>The same result of a bottleneck, with its bits, losses and, where <see cref="ExplainerOptions.KeepsMasks"/> is set, λ; else null.</summary>
    public BottleneckExplanation? Bits => Explanation as BottleneckExplanation;

    /// <summary>The map over the photo with a colour bar and a caption, as a PNG file.</summary>
    /// <param name="scale">The upper end of the colour bar; null for the map's own maximum.</param>
    public byte[] ToPng(double? scale = null) => PngFile.Encode(Picture.Of(Photo.Crop, null, Explanation, _labels, _method, _inputs, scale).Draw());
}
