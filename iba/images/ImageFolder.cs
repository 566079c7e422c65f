namespace Iba.Images;

/// <summary>An image of a folder.</summary>
/// <param name="Path">The file.</param>
/// <param name="Class">The sub-folder of the first level it lies in; null for an image that lies in the folder itself.</param>
public readonly record struct ImageFile(string Path, string? Class);

/// <summary>
/// The images of a folder and its sub-folders, ordered by the ordinal values of their names, so that the order is the same everywhere.
/// When there are sub-folders, those of the first level are the classes and are numbered in that order, as in torchvision's ImageFolder.
/// </summary>
public sealed class ImageFolder
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <summary>Looks through a folder. Files are recognised by their extension and not opened.</summary>
    /// <exception cref="ImageException">There is no such folder, it cannot be read, or it holds no image.</exception>
    public ImageFolder(string path)
    {
        var files = new List<ImageFile>();
        try
        {
            if (!Directory.Exists(path))
            {
                string reason = File.Exists(path) ? "this is a file, not a folder" : "there is no such folder";
                throw new ImageException(path, reason, "Name a folder with images");
            }
            Collect(new DirectoryInfo(path), null, [], files);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(path, $"the folder cannot be read ({e.Message.TrimEnd('.')})", "Check its permissions", e);
        }
        if (files.Count == 0)
            throw new ImageException(path, $"no file of the folder ends in {string.Join(", ", Extensions)}", "Name a folder with images");
        (Path, Files) = (path, files);
        Classes = [.. files.Select(file => file.Class).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The images: those of the folder itself, then those of each sub-folder.</summary>
    public IReadOnlyList<ImageFile> Files { get; }

    /// <summary>The classes in order; a class's number is its place here. Empty when there are no sub-folders with images.</summary>
    public IReadOnlyList<string> Classes { get; }

    private static void Collect(DirectoryInfo folder, string? @class, HashSet<string> above, List<ImageFile> files)
    {
        // Linked folders are followed (data sets are often put together from links), but never in a circle.
        string real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (!above.Add(real))
            return;
        foreach (FileInfo file in folder.EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            if (Extensions.Contains(file.Extension, StringComparer.OrdinalIgnoreCase))
                files.Add(new ImageFile(file.FullName, @class));
        }
        foreach (DirectoryInfo sub in folder.EnumerateDirectories().OrderBy(sub => sub.Name, StringComparer.Ordinal))
            Collect(sub, @class ?? sub.Name, above, files);
        above.Remove(real);
    }
}
