using Iba.Datasets;

namespace Iba.Cli;

/// <summary>The classes that the sub-folders of a folder of photos stand for: by number, name or WordNet id, or by their order where all are there.</summary>
internal sealed class FolderLabels
{
    private readonly Dictionary<string, int> _classes = [];

    public FolderLabels(LoadedNetwork loaded, PhotoSet photos)
    {
        Dictionary<string, int?> named = photos.Classes.ToDictionary(name => name, name => loaded.Labels.Find(name, loaded.Classes));
        if (named.Count > 0 && named.Values.All(number => number is not null))
        {
            Source = "labelled by the names of their folders";
            _classes = named.ToDictionary(pair => pair.Key, pair => pair.Value!.Value);
        }
        else if (named.Count == loaded.Classes)
        {
            Source = "labelled by the order of their folders";
            _classes = photos.Classes.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => pair.number);
        }
        else
        {
            Source = "labelled by the network's own prediction";
            string[] strange = [.. named.Where(pair => pair.Value is null).Select(pair => pair.Key)];
            if (strange.Length < named.Count)
            {
                Terminal.Warn($"{named.Count - strange.Length} of {named.Count} folders have the number, name or WordNet id of one class, but not "
                    + $"{string.Join(", ", strange.Take(5))}{(strange.Length > 5 ? ", ..." : "")}. So no folder's name is taken for a class.");
            }
        }
    }

    /// <summary>Where the classes come from, in words.</summary>
    public string Source { get; }

    /// <summary>The class of a photo, or null for the one that the network predicts.</summary>
    public int? Of(ImageFile file) => file.Class is not null && _classes.TryGetValue(file.Class, out int number) ? number : null;
}
