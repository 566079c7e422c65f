using Iba.Images;

namespace Iba.Datasets;

/// <summary>A photo of a set.</summary>
/// <param name="Path">The file, or <see cref="PhotoSet.StandardInput"/>.</param>
/// <param name="Name">Its path below the folder or pattern that was named, with '/'; the file's name where the file itself was named.</param>
/// <param name="Class">The first-level sub-folder that contains it; null for a photo in the folder itself.</param>
public readonly record struct ImageFile(string Path, string Name, string? Class);

/// <summary>
/// The photos that the given names denote: files, folders with all sub-folders, patterns (<c>*</c>, <c>?</c>, <c>[abc]</c>, and <c>**</c> for
/// any number of folders), and <c>-</c> for standard input. Names keep their order; within a folder or pattern, photos are in ordinal order of
/// their names, files before sub-folders. Each file counts once, at its first position, whatever names and links lead to it.
/// </summary>
/// <remarks>
/// In folders and patterns, photos are recognised by their file extensions and are not opened. Hidden files and folders, other formats, empty
/// files, pipes and devices are skipped. Pictures that this program drew are skipped unless the names give no other picture.
/// </remarks>
public sealed class PhotoSet
{
    /// <summary>The name for the bytes of one photo on standard input.</summary>
    public const string StandardInput = "-";

    private readonly HashSet<string> _seen = new(RealPath.Comparer);
    private readonly SkippedFiles _skipped = new();
    private readonly List<ImageFile> _files = [];

    /// <summary>Finds the photos.</summary>
    /// <param name="names">At least one.</param>
    /// <param name="cancellation">Checked for every folder.</param>
    /// <exception cref="ImageException">No name gives a photo; the error is that of the first name.</exception>
    public PhotoSet(IReadOnlyList<string> names, CancellationToken cancellation = default)
    {
        var failures = new List<ImageException>();
        var drawn = new List<ImageFile>();
        foreach (string name in names)
        {
            if (name == StandardInput)
                Add(new ImageFile(name, name, null), name);
            else if (File.Exists(name))
                AddFile(name, drawn);
            else if (Directory.Exists(name))
                AddBelow(name, name, null, failures, cancellation);
            else if (GlobPattern.Of(name) is { } pattern)
                AddBelow(name, pattern.Root, pattern, failures, cancellation);
            else
                failures.Add(new ImageException(name.Length > 0 ? name : "an empty name", "there is no such file or folder", "Check the name"));
        }
        var notes = new List<string>();
        if (_files.Count > 0)
        {
            _skipped.Drawn += drawn.Count;
        }
        else if (drawn.Count > 0)
        {
            drawn.ForEach(file => Add(file, RealPath.Of(file.Path)));
            notes.Add($"{drawn[0].Path}{(drawn.Count > 1 ? " and the others were" : " was")} drawn by this program; used nevertheless, as no other "
                + "picture was named");
        }
        else
        {
            throw failures.FirstOrDefault() ?? new ImageException("photos", "no name was given", "Name a file, a folder or a pattern");
        }
        Notes = [.. _skipped.Lines, .. notes];
        Failures = failures;
        Classes = [.. _files.Select(file => file.Class).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The photos of one folder, pattern or file.</summary>
    /// <exception cref="ImageException">It does not give a photo.</exception>
    public PhotoSet(string name) : this([name])
    {
    }

    /// <summary>The file extensions of photos, in lower case.</summary>
    public static IReadOnlyList<string> Endings { get; } = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"];

    /// <summary>The photos.</summary>
    public IReadOnlyList<ImageFile> Files => _files;

    /// <summary>The classes in ordinal order; a class's number is its index here. Empty if no photo is in a sub-folder.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The names that give no photo, if others do.</summary>
    public IReadOnlyList<ImageException> Failures { get; }

    /// <summary>What was skipped and why, one line for each reason.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Some of the photos, spread evenly over all of them, so that no class is left out.</summary>
    /// <param name="most">The number of photos; all of them if there are fewer.</param>
    public IEnumerable<ImageFile> Spread(int most)
    {
        int count = Math.Min(most, _files.Count);
        return Enumerable.Range(0, count).Select(i => _files[(int)((long)i * _files.Count / count)]);
    }

    /// <summary>Some of the photos, drawn at random without replacement, in the order of the set.</summary>
    /// <param name="most">The number of photos; all of them if there are fewer.</param>
    /// <param name="seed">The seed of the draw.</param>
    public IEnumerable<ImageFile> Draw(int most, ulong seed)
    {
        var random = new SplitMix(seed);
        IEnumerable<int> drawn = Enumerable.Range(0, _files.Count).OrderBy(i => random.Bits((ulong)i)).Take(most).Order();
        return drawn.Select(i => _files[i]);
    }

    /// <summary>A classifier's inputs of some of the photos, spread evenly. Files that are not photos are left out.</summary>
    /// <param name="classifier">Prepares the photos.</param>
    /// <param name="most">The number of photos.</param>
    /// <param name="leftOut">Called for each file that is left out.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <returns>H x W x 3 elements each.</returns>
    public IEnumerable<float[]> Inputs(
        Classifier classifier, int most, Action<ImageException>? leftOut = null, CancellationToken cancellation = default) =>
        Inputs(classifier, Spread(most), leftOut, cancellation);

    /// <summary>A classifier's inputs of photos, read one by one. Files that are not photos are left out.</summary>
    internal static IEnumerable<float[]> Inputs(
        Classifier classifier, IEnumerable<ImageFile> files, Action<ImageException>? leftOut, CancellationToken cancellation)
    {
        foreach (ImageFile file in files)
        {
            float[]? input = null;
            try
            {
                input = classifier.Read(file.Path, cancellation: cancellation).Input.Values;
            }
            catch (ImageException failure)
            {
                leftOut?.Invoke(failure);
            }
            if (input is not null)
                yield return input;
        }
    }

    private bool Add(ImageFile file, string real)
    {
        bool isNew = _seen.Add(real);
        if (isNew)
            _files.Add(file);
        else
            _skipped.Repeated++;
        return isNew;
    }

    private void AddFile(string path, List<ImageFile> drawn)
    {
        var file = new ImageFile(path, Path.GetFileName(path), null);
        string real = RealPath.Of(path);
        if (!FolderWalk.IsDrawn(new FileInfo(real)))
            Add(file, real);
        else if (drawn.All(other => !RealPath.Comparer.Equals(RealPath.Of(other.Path), real)))
            drawn.Add(file);
    }

    /// <summary>Adds the contents of a folder, or those that match a pattern.</summary>
    private void AddBelow(string name, string folder, GlobPattern? pattern, List<ImageException> failures, CancellationToken cancellation)
    {
        var here = new SkippedFiles();
        var walk = new FolderWalk(folder, pattern, here, cancellation);
        int before = _files.Count, repeated = _skipped.Repeated;
        foreach ((ImageFile file, string real) in walk.Photos)
            Add(file, real);
        _skipped.Add(here);
        if (_files.Count > before || _skipped.Repeated > repeated)
            return;
        string what = pattern is null ? "there is no photo in this folder" : "no photo matches this pattern";
        string lines = string.Concat(here.Lines.Select(line => $"; {line}"));
        failures.Add(new ImageException(name, what + lines, $"Name a folder or pattern with files that end in {string.Join(", ", Endings)}"));
    }
}
