using Iba.Labels;

namespace Iba.Datasets;

/// <summary>
/// A list of photos and their classes, a line each: the photo's file name, with or without folders, blanks, and the class by number, name or WordNet id, as
/// caffe's val.txt has it.
/// </summary>
public sealed class LabelFile
{
    /// <summary>Upper bound of the file, bytes: ImageNet's 1.3 million training images take 45 MB.</summary>
    private const int MostBytes = 256 << 20;

    private readonly Dictionary<string, int> _classes = new(StringComparer.Ordinal);

    private LabelFile()
    {
    }

    /// <summary>Reads a list.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">The names of the network's classes.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <exception cref="DatasetException">A line gives no class of the network, or the list gives no names.</exception>
    public static LabelFile Read(string path, ClassLabels labels, int classes, CancellationToken cancellation = default)
    {
        var list = new LabelFile();
        int number = 0;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes })
            {
                throw new DatasetException(
                    path, $"it is larger than the {MostBytes >> 20} MiB that are read", "Name a list of photos and classes, a line each");
            }
            foreach (string line in File.ReadLines(path))
            {
                cancellation.ThrowIfCancellationRequested();
                number++;
                string text = line.Trim();
                if (text.Length == 0)
                    continue;
                int blank = text.AsSpan().IndexOfAny(' ', '\t');
                if (blank < 0)
                {
                    throw new DatasetException(path, $"line {number} has one word: a list has the photo's name and its class in each line. ILSVRC's "
                        + "ILSVRC2012_validation_ground_truth.txt holds numbers of another order of the classes", "Give a list such as caffe's val.txt");
                }
                string name = text[..blank].Replace('\\', '/'), label = text[blank..].Trim();
                int found = labels.Find(label, classes) ?? throw new DatasetException(path, $"line {number} gives '{label}', which is no class of the network: "
                    + $"they are 0 to {classes - 1}, their names and WordNet ids", "Give a list for this network's classes, or other --labels");
                if (!list._classes.TryAdd(name, found) && list._classes[name] != found)
                    throw new DatasetException(path, $"line {number} gives {name} another class than a line before", "Leave one of the lines out");
            }
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(path, "it cannot be read", "Check the path and its permissions", failed);
        }
        return list._classes.Count > 0 ? list
            : throw new DatasetException(path, "it names no photo", "Give a list with a photo's name and its class in each line, such as caffe's val.txt");
    }

    /// <summary>The class of a photo, by its name with folders or by its file name alone; null if it is not in the list.</summary>
    public int? Of(ImageFile file) =>
        _classes.TryGetValue(file.Name, out int number) || _classes.TryGetValue(Path.GetFileName(file.Path), out number) ? number : null;
}
