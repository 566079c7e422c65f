using Iba.Attribution;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Images;

namespace Iba.Cli;

/// <summary>A photo with its class and where its objects are.</summary>
internal sealed record AnnotatedPhoto(string Path, Sample Sample, ObjectMask Objects);

/// <summary>A folder of photos with a folder of annotations beside it.</summary>
internal sealed class AnnotatedPhotos
{
    private readonly LoadedNetwork _loaded;
    private readonly FolderLabels _labels;
    private readonly string _annotations;

    public AnnotatedPhotos(LoadedNetwork loaded, PhotoSet photos, string annotations, int count)
    {
        (_loaded, _annotations) = (loaded, annotations);
        if (!Directory.Exists(annotations))
            throw new DatasetException(annotations, "there is no such folder", "Name the folder of the photos' Pascal VOC .xml files");
        _labels = new FolderLabels(loaded, photos);
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
        Sample sample = _loaded.Sample(subject.Input, _labels.Of(file));
        return new AnnotatedPhoto(file.Path, sample, ObjectMask.Of(annotation, subject.Extents, subject.Path, _loaded.Preprocessing));
    }
}
