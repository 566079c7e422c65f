using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Rendering;

namespace Iba.Shapes;

/// <summary>
/// A shapes data set on disk:
/// <code>
/// images/CLASS/CLASS_00001.png        8-bit RGB; a folder per class, as PhotoSet reads it
/// annotations/CLASS/CLASS_00001.xml   the objects' boxes as Pascal VOC and ImageNet write them
/// masks/CLASS/CLASS_00001.png         8-bit grey: 255 where an object is visible
/// dataset.json                        <see cref="ShapesCard"/>
/// </code>
/// Pixels, boxes and masks are the same on every machine. The bytes of a .png are not: how zlib compresses depends on the runtime.
/// Image n is number n / 10 + 1 of class n mod 10.
/// </summary>
public sealed class ShapesFolder(string root)
{
    /// <summary>The folder.</summary>
    public string Root { get; } = root;

    /// <summary>The picture of image <paramref name="index"/>.</summary>
    public string ImagePath(long index) => Place("images", index, "png");

    /// <summary>The boxes of image <paramref name="index"/>.</summary>
    public string AnnotationPath(long index) => Place("annotations", index, "xml");

    /// <summary>The mask of image <paramref name="index"/>.</summary>
    public string MaskPath(long index) => Place("masks", index, "png");

    /// <summary>
    /// Writes the first <paramref name="count"/> images on all processors. Every file is written atomically, and an image after its mask and boxes.
    /// After a cancellation the same call continues where it stopped; a larger count adds images.
    /// </summary>
    /// <param name="dataset">The data set to write.</param>
    /// <param name="count">The number of images; a multiple of ten has equally many of each class.</param>
    /// <param name="progress">Called with the number of images written, from any thread.</param>
    /// <param name="threads">Processors to use; null for all.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <exception cref="DatasetException">The count is not positive, the folder holds something else, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The writing was cancelled.</exception>
    public void Write(
        ShapesDataset dataset, int count, IProgress<int>? progress = null, int? threads = null, CancellationToken cancellation = default)
    {
        if (count <= 0)
            throw new DatasetException(Root, $"{count} images cannot be written", "Ask for at least one");
        var card = new ShapesCard(ShapesDataset.Version, dataset.Seed, dataset.Size, count, Complete: false, ShapesDataset.Classes);
        try
        {
            Claim(card, cancellation);
            int done = 0;
            var options = new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = threads ?? -1 };
            Parallel.For(
                0, count, options, index =>
                {
                    if (!File.Exists(ImagePath(index)))
                        Write(dataset.Render(index), index, cancellation);
                    progress?.Report(Interlocked.Increment(ref done));
                });
            (card with { Complete = true }).Write(Root, cancellation);
        }
        catch (Exception e) when ((e is AggregateException many ? many.InnerException : e) is FileWriteException or IOException or UnauthorizedAccessException)
        {
            Exception first = e is AggregateException all ? all.InnerException! : e;
            throw new DatasetException(
                Root, $"the data set cannot be written ({(first is FileWriteException write ? write.Reason : first.Message.TrimEnd('.'))})",
                "Check the disk's free space and permissions, then run it again: it continues where it stopped", e);
        }
    }

    private void Claim(ShapesCard card, CancellationToken cancel)
    {
        if (File.Exists(Path.Combine(Root, ShapesCard.FileName)))
        {
            ShapesCard present = ShapesCard.Read(Root);
            if (!present.DrawsTheSameAs(card))
            {
                throw new DatasetException(
                    Root, $"it holds another shapes data set (version {present.Version}, seed {present.Seed}, size {present.Size})",
                    "Choose another folder, or the same settings");
            }
            if (present.Count > card.Count)
            {
                throw new DatasetException(
                    Root, $"it holds {present.Count} images, more than the {card.Count} asked for", "Choose another folder or more images");
            }
        }
        else if (Directory.Exists(Root) && Directory.EnumerateFileSystemEntries(Root).Any())
            throw new DatasetException(Root, $"it is not empty and has no {ShapesCard.FileName}", "Choose a new folder");
        card.Write(Root, cancel);
    }

    private void Write(ShapesSample sample, long index, CancellationToken cancel)
    {
        string name = ShapesDataset.Classes[sample.Label];
        new Annotation($"{Name(index)}.png", sample.Size, sample.Size, [.. sample.Boxes.Select(box => new AnnotatedObject(name, box))])
            .Write(AnnotationPath(index), cancel);
        byte[] mask = PngFile.EncodeGrey(sample.Mask, sample.Size, sample.Size, KeyValuePair.Create(PngFile.SoftwareKeyword, PngFile.Software));
        AtomicFile.Write(MaskPath(index), mask, cancel);
        AtomicFile.Write(ImagePath(index), PngFile.Encode(sample.Rgb, sample.Size, sample.Size), cancel);
    }

    private static string Name(long index) =>
        $"{ShapesDataset.Classes[ShapesDataset.Label(index)]}_{index / ShapesDataset.Classes.Count + 1:D5}";

    private string Place(string kind, long index, string extension) =>
        Path.Combine(Root, kind, ShapesDataset.Classes[ShapesDataset.Label(index)], $"{Name(index)}.{extension}");
}
