using System.Text;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Images;

namespace Iba.Evaluation;

/// <summary>Where the class that is explained comes from.</summary>
public enum TargetSource
{
    /// <summary>The photo's folder.</summary>
    Folder,

    /// <summary>A list of photos and classes.</summary>
    List,

    /// <summary>The name of the objects in the photo's annotation.</summary>
    Annotation,

    /// <summary>The network's own prediction, because the photo's class is not known.</summary>
    Prediction,
}

/// <summary>A photo with its class and what is known of its objects.</summary>
/// <param name="File">The photo's file: its name in the set, which files beside it share, and its folder.</param>
/// <param name="Photo">The photo, prepared.</param>
/// <param name="Sample">The network's input and the photo's class, if it is known.</param>
/// <param name="TargetFrom">Where the class comes from.</param>
/// <param name="Annotation">The boxes of its objects; null if the set has no annotations.</param>
public sealed record LabelledPhoto(ImageFile File, PreparedPhoto Photo, Sample Sample, TargetSource TargetFrom, Annotation? Annotation)
{
    /// <summary>The photo's class; null if it is not known.</summary>
    public int? Label => Sample.Target;

    /// <summary>Where its objects are, exactly; null if there is no such mask.</summary>
    public ObjectMask? Mask { get; init; }
}

/// <summary>
/// Photos to evaluate methods on. A photo's class is that of the list, if there is one. Without a list, it is that of its folder. If its folder gives none, it
/// is the class that its annotation's objects are named after, by name or WordNet id. If they are named after none or after several, or the photo is not in
/// the list, the class is not known.
/// </summary>
public sealed class LabelledPhotos
{
    private readonly string? _annotations;
    private readonly string? _masks;
    private readonly LabelFile? _list;
    private readonly IReadOnlyList<ImageFile> _all;

    /// <param name="classifier">Prepares the photos and names the classes.</param>
    /// <param name="photos">The photos.</param>
    /// <param name="annotations">A folder of Pascal VOC files with the photos' names, in the same sub-folders or all in one; null for none.</param>
    /// <param name="count">The number of photos to use; 0 for all.</param>
    /// <param name="seed">The photos are drawn at random by that seed, without replacement; null to spread them evenly over the set.</param>
    /// <param name="masks">
    /// A folder of grey PNG files with the photos' names and sizes, in the same sub-folders or all in one: 255 where an object is; null for none.
    /// </param>
    /// <param name="list">The photos' classes; null to take them from folders and annotations.</param>
    /// <exception cref="DatasetException">There is no such folder.</exception>
    public LabelledPhotos(
        Classifier classifier, PhotoSet photos, string? annotations = null, int count = 0, ulong? seed = null, string? masks = null, LabelFile? list = null)
    {
        if (annotations is not null && !Directory.Exists(annotations))
            throw new DatasetException(annotations, "there is no such folder", "Name the folder of the photos' Pascal VOC .xml files");
        if (masks is not null && !Directory.Exists(masks))
            throw new DatasetException(masks, "there is no such folder", "Name the folder of the photos' mask .png files");
        (Classifier, _annotations, _masks, _list, _all) = (classifier, annotations, masks, list, photos.Files);
        Labels = new FolderLabels(photos, classifier.Labels, classifier.Classes);
        Files = [.. seed is null || count == 0 ? photos.Spread(count == 0 ? photos.Files.Count : count) : photos.Draw(count, seed.Value)];
    }

    /// <summary>Prepares the photos and names the classes.</summary>
    public Classifier Classifier { get; }

    /// <summary>The photos' files.</summary>
    public IReadOnlyList<ImageFile> Files { get; }

    /// <summary>The classes that the folders give.</summary>
    public FolderLabels Labels { get; }

    /// <summary>Where the classes come from, worded to follow "photos".</summary>
    public string Source => _list is not null ? "labelled by the list, or by the network's own prediction where it does not name them"
        : Labels.Any || _annotations is null ? Labels.Source
        : "labelled by their annotations, or by the network's own prediction where these name no class";

    private LabelledPhotos(LabelledPhotos all, IReadOnlyList<ImageFile> some) =>
        (Classifier, _annotations, _masks, _list, _all, Labels, Files) =
            (all.Classifier, all._annotations, all._masks, all._list, all._all, all.Labels, some);

    /// <summary>Some of the photos.</summary>
    public LabelledPhotos Where(Func<ImageFile, bool> wanted) => new(this, [.. Files.Where(wanted)]);

    /// <summary>The files with that name, also those that are not among the number of photos to use; none or one, unless folders share a name.</summary>
    public IEnumerable<ImageFile> Named(string name) => _all.Where(file => file.Name == name);

    /// <summary>
    /// Reads a photo, its annotation if the set has annotations, and its mask if there is one. Safe to call from several threads.
    /// </summary>
    /// <exception cref="ImageException">The photo or its mask cannot be read.</exception>
    /// <exception cref="DatasetException">The photo has no annotation, one that cannot be read, or a mask of another size.</exception>
    public LabelledPhoto Read(ImageFile file, CancellationToken cancellation = default) =>
        Read(file, PhotoFile.Open(file.Path, cancellation), cancellation);

    /// <inheritdoc cref="Read(ImageFile, CancellationToken)" path="/*[not(self::param)]"/>
    /// <param name="file">The photo's file.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="cancellation">Stops decoding.</param>
    public LabelledPhoto Read(ImageFile file, PhotoFile bytes, CancellationToken cancellation = default)
    {
        PreparedPhoto photo = Classifier.Read(bytes, cancellation: cancellation);
        Annotation? annotation = AnnotationOf(file);
        (int? label, TargetSource source) = Class(file, annotation);
        return new LabelledPhoto(file, photo, Classifier.Sample(photo, label), source, annotation)
        {
            Mask = MaskOf(file) is { } mask ? ObjectMask.Read(mask, photo.Extents, Classifier.Preprocessing, cancellation) : null,
        };
    }

    /// <summary>
    /// The first 64 bits of the SHA-256 of what is known of a photo and decides a measure's numbers, in hexadecimal: its class, and where the measure needs
    /// them its boxes or its mask. Records of another truth are not those of this photo.
    /// </summary>
    /// <param name="file">The photo's file.</param>
    /// <param name="needs">What the measure needs.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <exception cref="ImageException">The mask cannot be read.</exception>
    /// <exception cref="DatasetException">The photo has no annotation, or one that cannot be read.</exception>
    public string Truth(ImageFile file, MeasureNeeds needs, CancellationToken cancellation = default)
    {
        Annotation? annotation = AnnotationOf(file);
        string[] known = needs switch
        {
            MeasureNeeds.Annotations when annotation is not null =>
                [$"{annotation.Width} x {annotation.Height}", .. annotation.Objects.Select(each => FormattableString.Invariant($"{each}"))],
            MeasureNeeds.Masks when MaskOf(file) is { } mask => [PhotoFile.Open(mask, cancellation).Sha256],
            _ => [],
        };
        byte[] text = Encoding.UTF8.GetBytes(string.Join('\n', known.Prepend($"class {Class(file, annotation).Class}")));
        return Sha256Hash.Hex(text)[..16];
    }

    private Annotation? AnnotationOf(ImageFile file) => _annotations is null ? null : Annotation.Read(Beside(file, _annotations, ".xml"));

    /// <summary>The file of its mask; null if there is none.</summary>
    private string? MaskOf(ImageFile file) => _masks is not null && Beside(file, _masks, ".png") is var mask && File.Exists(mask) ? mask : null;

    private (int? Class, TargetSource Source) Class(ImageFile file, Annotation? annotation)
    {
        if (_list is not null)
            return _list.Of(file) is { } listed ? (listed, TargetSource.List) : (null, TargetSource.Prediction);
        if (Labels.Of(file) is { } folder)
            return (folder, TargetSource.Folder);
        return annotation is not null && NamedClass(annotation) is { } named ? (named, TargetSource.Annotation) : (null, TargetSource.Prediction);
    }

    private static string Beside(ImageFile file, string folder, string extension)
    {
        string name = Path.ChangeExtension(file.Name, extension), beside = Path.Combine(folder, name);
        return File.Exists(beside) ? beside : Path.Combine(folder, Path.GetFileName(name));
    }

    /// <summary>The one class that objects are named after. A number is not taken for a class: it may count the classes of another list.</summary>
    private int? NamedClass(Annotation annotation)
    {
        IEnumerable<string> names = annotation.Objects.Select(o => o.Name).Distinct().Where(name => !name.All(char.IsAsciiDigit));
        int?[] classes = [.. names.Select(name => Classifier.Labels.Find(name, Classifier.Classes)).Where(number => number is not null).Distinct()];
        return classes is [var only] ? only : null;
    }
}
