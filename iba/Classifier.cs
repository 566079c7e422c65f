using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;
using Iba.Labels;

namespace Iba;

/// <summary>A network with everything that is needed to feed it photos and to name its classes.</summary>
/// <param name="Network">The network; its last layer gives a logit for each class.</param>
public record Classifier(Network Network)
{
    /// <summary>How photos are prepared for it.</summary>
    public Preprocessing Preprocessing { get; init; } = Preprocessing.ImageNet;

    /// <summary>The names of the classes. Default: ImageNet's for 1000 classes, numbers otherwise.</summary>
    public ClassLabels Labels
    {
        get => field ?? ClassLabels.For(Classes);
        init;
    }

    /// <summary>SHA-256 of the weights file in hexadecimal; empty if unknown. Statistics, patterns and readouts of other weights are rejected.</summary>
    public string WeightsSha256 { get; init; } = "";

    /// <summary>Whether photos are turned upright as their EXIF orientation says. torchvision does not.</summary>
    public bool Rotate { get; init; }

    /// <summary>
    /// Whether a photo's preprocessing is compared with that of statistics and patterns. The paper's evaluation of boxes uses two different ones.
    /// </summary>
    public bool ChecksSamples { get; init; } = true;

    /// <summary>(1, H, W, 3), the shape of an input.</summary>
    public Shape Image => new(1, Preprocessing.Size, Preprocessing.Size, 3);

    /// <summary>The number of classes.</summary>
    public int Classes => Network.Output(Image).C;

    /// <summary>The layer that restricts the flow unless another one is named.</summary>
    public string DefaultLayer => Network.Architecture!.DefaultLayer;

    /// <summary>The arithmetic of the network's device.</summary>
    public Arithmetic Arithmetic => Arithmetic.Of(Network.Backend);

    /// <summary>Reads and prepares a photo. The file is read once.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keepsFile">Whether <see cref="PreparedPhoto.File"/> is kept, to draw on the whole photo.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <exception cref="ImageException">The file is not a photo, or damaged.</exception>
    public PreparedPhoto Read(string path, bool keepsFile = false, CancellationToken cancellation = default) =>
        Read(PhotoFile.Open(path, cancellation), keepsFile, cancellation);

    /// <summary>Prepares a photo whose bytes were read.</summary>
    /// <inheritdoc cref="Read(string, bool, CancellationToken)" path="/*[not(self::param)]"/>
    /// <param name="photo">The photo.</param>
    /// <param name="keepsFile">Whether <see cref="PreparedPhoto.File"/> is kept.</param>
    /// <param name="cancellation">Stops decoding.</param>
    public PreparedPhoto Read(PhotoFile photo, bool keepsFile = false, CancellationToken cancellation = default) => new(
        photo.Source, photo.Sha256, photo.Extents(Rotate), Preprocessing.Apply(photo, Rotate, cancellation), keepsFile ? photo : null);

    /// <summary>A prepared photo in the form that methods take.</summary>
    /// <param name="photo">The photo.</param>
    /// <param name="target">The class to explain, or null for the class that the network predicts.</param>
    public Sample Sample(PreparedPhoto photo, int? target = null) => new(photo.Input.Values, target) { Preprocessing = ChecksSamples ? Preprocessing : null };
}
