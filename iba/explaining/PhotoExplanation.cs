using System.Diagnostics;
using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Explaining;

/// <summary>The explanation of a photo's classification.</summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class PhotoExplanation
{
    private readonly Classifier _classifier;
    private readonly MethodKind _method;
    private readonly MethodInputs _inputs;
    private readonly string _name;
    private readonly Dictionary<string, string> _facts;

    internal PhotoExplanation(
        Explanation explanation, NetworkInput photo, Classifier classifier, MethodKind method, MethodInputs inputs, string name,
        Dictionary<string, string> facts)
    {
        (Explanation, Photo) = (explanation, photo);
        (_classifier, _method, _inputs, _name, _facts) = (classifier, method, inputs, name, facts);
    }

    /// <summary>The map, the logits, and of bottlenecks the losses.</summary>
    public Explanation Explanation { get; }

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{_name}: {Label}, {Explanation.Shown}";

    /// <summary>The photo as the network saw it.</summary>
    public NetworkInput Photo { get; }

    /// <summary>The class explained.</summary>
    public int Target => Explanation.Target;

    /// <summary>What is explained, in words: the class's name, "tabby or tiger cat" of several, "tabby rather than tiger cat" of a margin.</summary>
    public string Label => Explanation.Loss.Words(Target, _classifier.Labels);

    /// <summary>The class with the largest logit.</summary>
    public int Predicted => Explanation.Predicted;

    /// <summary>The network's probability of the target, or of any of several classes.</summary>
    public double Probability => Explanation.Probability;

    /// <summary>The map, S x S values: bits per pixel of bottlenecks, else the method's own unit.</summary>
    public Heatmap Heatmap => Explanation.Heatmap;

    /// <summary>The same result of a bottleneck, with its bits, losses and, where <see cref="ExplainerOptions.KeepsMasks"/> is set, λ; else null.</summary>
    public BottleneckExplanation? Bits => Explanation as BottleneckExplanation;

    /// <summary>The name of the class with the largest logit.</summary>
    public string PredictedLabel => _classifier.Labels[Predicted];

    /// <summary>Every setting, hash and figure, as the files carry them.</summary>
    public IReadOnlyDictionary<string, string> Facts => _facts;

    /// <summary>The map over the photo with a colour bar and a caption, as a PNG file.</summary>
    /// <param name="scale">The upper end of the colour bar; null for the map's own maximum.</param>
    public byte[] ToPng(double? scale = null) => PngFile.Encode(Picture.Of(Photo.Crop, null, Explanation, _classifier.Labels, _method, _inputs, scale).Draw());

    /// <summary>The map as data: a .safetensors file with the tensor <c>map</c>, H x W, and <see cref="Facts"/> as metadata.</summary>
    public byte[] ToSafetensors() => SafetensorsFile.Bytes([new("map", [Heatmap.Height, Heatmap.Width], Heatmap.Values)], _facts);

    /// <summary>A page in one file: the map over the photo with its values, and how it was fitted. UTF-8.</summary>
    public byte[] ToHtml() => ResultPage.Of(_name, Photo.Crop, Explanation, _classifier, _method, _inputs, _facts).ToBytes();
}
