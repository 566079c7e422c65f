using Iba.Datasets;
using Iba.Evaluation;
using Iba.Images;

namespace Iba.Cli;

/// <summary>A photo with its class and where its objects are.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Sample">What the network sees of it, and its class.</param>
/// <param name="Objects">The boxes that count.</param>
/// <param name="LeftOut">Why it is not evaluated, in words; null where it is.</param>
internal sealed record AnnotatedPhoto(string Path, Sample Sample, ObjectMask Objects, string? LeftOut);

/// <summary>A folder of photos with a folder of annotations beside it.</summary>
internal sealed class AnnotatedPhotos
{
    private readonly LoadedNetwork _loaded;
    private readonly FolderLabels _labels;
    private readonly string _annotations;
    private readonly BoxClasses _classes;

    public AnnotatedPhotos(LoadedNetwork loaded, PhotoSet photos, string annotations, BoxClasses classes, int count)
    {
        (_loaded, _annotations, _classes) = (loaded, annotations, classes);
        if (!Directory.Exists(annotations))
            throw new DatasetException(annotations, "there is no such folder", "Name the folder of the photos' Pascal VOC .xml files");
        _labels = new FolderLabels(loaded, photos);
        if (classes.Option == BoxClasses.Target && photos.Files.All(file => _labels.Of(file) is null))
            throw new UsageException($"--classes {BoxClasses.Target}: the photos' folders are not the network's classes, so no photo's class is known. Name the classes.");
        int all = photos.Files.Count, some = count == 0 ? all : Math.Min(count, all);
        Files = [.. Enumerable.Range(0, some).Select(i => photos.Files[(int)((long)i * all / some)])];
    }

    public IReadOnlyList<ImageFile> Files { get; }

    /// <summary>Where the classes come from, in words.</summary>
    public string Labels => _labels.Source;

    /// <exception cref="ImageException">The photo cannot be read.</exception>
    /// <exception cref="DatasetException">The photo has no annotation, or one that cannot be read.</exception>
    public AnnotatedPhoto Read(ImageFile file)
    {
        Subject subject = _loaded.Read(file.Path);
        string name = Path.ChangeExtension(file.Name, ".xml");
        string beside = Path.Combine(_annotations, name), flat = Path.Combine(_annotations, Path.GetFileName(name));
        Annotation annotation = Annotation.Read(File.Exists(beside) ? beside : flat);
        int? label = _labels.Of(file);
        HashSet<string> names = [.. annotation.Objects.Select(o => o.Name).Distinct().Where(name => _classes.Count(name, file.Class, label, _loaded))];
        AnnotatedObject[] counted = [.. annotation.Objects.Where(o => names.Contains(o.Name))];
        var objects = ObjectMask.Of(annotation with { Objects = counted }, subject.Extents, subject.Path, _loaded.Preprocessing);
        string? otherClasses = counted.Length == 0 && annotation.Objects.Count > 0 ? $"none of its boxes is of the class wanted ({_classes})" : null;
        return new AnnotatedPhoto(file.Path, _loaded.Sample(subject.Input, label), objects, otherClasses ?? objects.LeftOut);
    }
}

/// <summary>Whose boxes count: those of every class, those of the photo's own class, or those of some classes.</summary>
internal sealed record BoxClasses(string Option)
{
    public const string All = "all", Target = "target";

    private readonly string[] _names = Option.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether boxes of a class count on a photo.</summary>
    /// <param name="name">The class as the annotation names it.</param>
    /// <param name="folder">The folder of the photo, where folders are classes.</param>
    /// <param name="label">The photo's class, where it is known.</param>
    /// <param name="loaded">The network, which knows its classes' names.</param>
    public bool Count(string name, string? folder, int? label, LoadedNetwork loaded) => Option == All || (Option == Target
        ? label is not null && (Same(name, folder) || loaded.Labels.Find(name, loaded.Classes) == label)
        : _names.Any(wanted => Same(name, wanted)
            || (loaded.Labels.Find(wanted, loaded.Classes) is { } number && loaded.Labels.Find(name, loaded.Classes) == number)));

    public override string ToString() => Option == Target ? "the photo's own" : string.Join(", ", _names);

    private static bool Same(string name, string? wanted) => string.Equals(name, wanted, StringComparison.OrdinalIgnoreCase);
}
