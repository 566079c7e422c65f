using Iba.Labels;

namespace Iba.Datasets;

/// <summary>
/// The classes that the sub-folders of a set of photos are named after: by number, name or WordNet id. Where the names are none of these and there is
/// one folder for each class, the folders' order decides.
/// </summary>
public sealed class FolderLabels
{
    private readonly Dictionary<string, int> _classes = [];

    /// <param name="photos">The photos.</param>
    /// <param name="labels">The names of the network's classes.</param>
    /// <param name="classes">The number of classes.</param>
    public FolderLabels(PhotoSet photos, ClassLabels labels, int classes)
    {
        Dictionary<string, int?> named = photos.Classes.ToDictionary(name => name, name => labels.Find(name, classes));
        if (named.Count > 0 && named.Values.All(number => number is not null))
        {
            Source = "labelled by the names of their folders";
            _classes = named.ToDictionary(pair => pair.Key, pair => pair.Value!.Value);
        }
        else if (named.Count == classes)
        {
            Source = "labelled by the order of their folders";
            _classes = photos.Classes.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        }
        else
        {
            Source = "labelled by the network's own prediction";
            string[] unknown = [.. named.Where(pair => pair.Value is null).Select(pair => pair.Key)];
            if (unknown.Length < named.Count)
            {
                Warning = $"{named.Count - unknown.Length} of {named.Count} folders have the number, name or WordNet id of one class, but not "
                    + $"{string.Join(", ", unknown.Take(5))}{(unknown.Length > 5 ? ", ..." : "")}. So no folder's name is taken for a class.";
            }
        }
    }

    /// <summary>Where the classes come from, worded to follow "photos".</summary>
    public string Source { get; }

    /// <summary>Why folders give no class although some of them are named after one; null otherwise.</summary>
    public string? Warning { get; }

    /// <summary>Whether folders give classes.</summary>
    public bool Any => _classes.Count > 0;

    /// <summary>The class of a photo; null if its folder gives none.</summary>
    public int? Of(ImageFile file) => file.Class is not null && _classes.TryGetValue(file.Class, out int number) ? number : null;
}
