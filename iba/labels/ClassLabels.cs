using System.Globalization;
using System.Text.RegularExpressions;
using Iba.Engine.Files;

namespace Iba.Labels;

/// <summary>The names of a network's classes: in words, and as WordNet ids if known.</summary>
public sealed partial class ClassLabels
{
    private readonly Entry[] _entries;

    private ClassLabels(Entry[] entries) => _entries = entries;

    /// <summary>The 1000 classes of ILSVRC 2012, in torchvision's order, which is that of their WordNet ids.</summary>
    public static ClassLabels ImageNet { get; } = ReadEmbedded();

    /// <summary>The number of named classes.</summary>
    public int Count => _entries.Length;

    /// <summary>The class's first name, or its number if it has none.</summary>
    public string this[int index] => index < _entries.Length ? _entries[index].Names[0] : $"class {index}";

    /// <summary>The class's name and number: <c>tabby (281)</c>, or <c>class 5</c> if it has no name.</summary>
    public string Describe(int index) => index < _entries.Length ? $"{this[index]} ({index})" : this[index];

    /// <summary>The class's WordNet id, such as <c>n02123045</c>; null if unknown.</summary>
    public string? WordNetId(int index) => index < _entries.Length ? _entries[index].Id : null;

    /// <summary>ImageNet's names for a network of 1000 classes, numbers for any other.</summary>
    public static ClassLabels For(int classes) => classes == ImageNet.Count ? ImageNet : new([]);

    /// <summary>
    /// Reads a text file: one class per line, the first for class 0. A line is a name and its synonyms, separated by commas; they may be
    /// preceded by a number and a tab, which are dropped, or by a WordNet id and a space or tab.
    /// </summary>
    /// <exception cref="InvalidDataException">The file does not have one name for each class.</exception>
    public static ClassLabels Read(string path, int classes, CancellationToken cancel = default) =>
        Read(path, cancel).OneFor(classes, path);

    /// <summary>These labels, if there is one for each class of a network.</summary>
    /// <param name="classes">Classes of the network.</param>
    /// <param name="path">Where the labels were read, for the message.</param>
    /// <exception cref="InvalidDataException">There are more or fewer.</exception>
    public ClassLabels OneFor(int classes, string path) => Count == classes ? this : throw new InvalidDataException(
        $"{path} names {Count} classes, but the network has {classes}: give one line for each class, in order.");

    /// <summary>Reads a text file for a network whose number of classes is not known yet.</summary>
    /// <exception cref="InvalidDataException">The file, or a line of it, is longer than that of any list of classes.</exception>
    public static ClassLabels Read(string path, CancellationToken cancel = default)
    {
        // Bounded in characters: a line that is read from a device may never end.
        const int Longest = 1 << 23;
        string text = Abandonable.Run(() =>
        {
            using var reader = new StreamReader(path);
            char[] block = new char[Longest];
            return new string(block, 0, reader.ReadBlock(block));
        }, cancel);
        if (text.Length == Longest)
            throw new InvalidDataException($"{path} has more than {Longest} characters: give one line for each class, in order.");
        return OfText(text, path);
    }

    /// <summary>Reads a text like that of a file: one class per line.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="InvalidDataException">A line is longer than that of any list of classes.</exception>
    public static ClassLabels OfText(string text, string name)
    {
        const int LongestLine = 1000;
        string[] lines = text.Split('\n', '\r');
        return lines.FirstOrDefault(line => line.Length > LongestLine) is { } endless
            ? throw new InvalidDataException($"{name} has a line of {endless.Length} characters, more than the {LongestLine} of a class: "
                + "give one line for each class, in order.")
            : new(Parse(lines));
    }

    /// <summary>The class with that number, WordNet id or name (a whole name or one of its synonyms), ignoring case.</summary>
    /// <param name="text">A number, an id or a name.</param>
    /// <param name="classes">Classes of the network.</param>
    /// <exception cref="ArgumentException">There is none, or several classes share the name: the message lists them.</exception>
    public int Class(string text, int classes)
    {
        int[] found = Matches(text, classes);
        string known = Count == 0 ? "this network's classes have no names here; give --labels FILE, or a number" : "give a number, a name or a WordNet id";
        return found.Length switch
        {
            1 => found[0],
            0 => throw new ArgumentException($"no class has that number or name: the network's classes are 0 to {classes - 1}; {known}."),
            _ => throw new ArgumentException($"{found.Length} classes share that name. Give one's number or WordNet id: "
                + string.Join("; ", found.Select(k => $"{k}{(WordNetId(k) is { } id ? $" or {id}" : "")}, {string.Join(", ", _entries[k].Names)}"))),
        };
    }

    /// <summary>The class with that number, WordNet id or name; null if there is none, or more than one.</summary>
    public int? Find(string text, int classes) => Matches(text, classes) is [int only] ? only : null;

    /// <summary>All classes with that number, WordNet id or name.</summary>
    private int[] Matches(string text, int classes)
    {
        string wanted = text.Trim();
        if (int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return index < classes ? [index] : [];
        return [.. Enumerable.Range(0, Math.Min(Count, classes)).Where(k => _entries[k].IsCalled(wanted))];
    }

    private static Entry[] Parse(IEnumerable<string> lines) =>
        [.. lines.Select(line => line.Trim()).Where(line => line.Length > 0).Select(Entry.Parse)];

    private static ClassLabels ReadEmbedded() => new(Parse(EmbeddedFile.Text(typeof(ClassLabels).Assembly, "imagenet-classes.tsv")!.Split('\n')));

    /// <summary>A class.</summary>
    /// <param name="Id">Its WordNet id, or null.</param>
    /// <param name="Names">Its name and its synonyms, at least one.</param>
    private sealed partial record Entry(string? Id, string[] Names)
    {
        public static Entry Parse(string line)
        {
            Match id = LeadingId().Match(line);
            string names = id.Success ? line[id.Length..].Trim() : LeadingNumber().Replace(line, "").Trim();
            string[] separate = names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return new Entry(id.Success ? id.Groups[1].Value : null, separate.Length > 0 ? separate : [line]);
        }

        public bool IsCalled(string name) =>
            name.Equals(Id, StringComparison.OrdinalIgnoreCase)
            || Names.Contains(name, StringComparer.OrdinalIgnoreCase)
            || name.Equals(string.Join(", ", Names), StringComparison.OrdinalIgnoreCase);

        [GeneratedRegex(@"^(n\d{8})(\s|$)")]
        private static partial Regex LeadingId();

        [GeneratedRegex(@"^\d+\t")]
        private static partial Regex LeadingNumber();
    }
}
