namespace Iba.Labels;

/// <summary>What the classes of a network are called.</summary>
public sealed class ClassLabels
{
    private readonly string[] _names;

    private ClassLabels(string[] names) => _names = names;

    /// <summary>The 1000 classes of ILSVRC 2012, in torchvision's order.</summary>
    public static ClassLabels ImageNet { get; } = ReadEmbedded();

    /// <summary>Classes with a name.</summary>
    public int Count => _names.Length;

    /// <summary>The class in words: the first of its names, or its number where it has none.</summary>
    public string this[int index] => index < _names.Length ? _names[index].Split(',')[0].Trim() : $"class {index}";

    /// <summary>The class in words and by number: <c>tabby (281)</c>, or <c>class 5</c> where it has no name.</summary>
    public string Describe(int index) => index < _names.Length ? $"{this[index]} ({index})" : this[index];

    /// <summary>ImageNet's names for a network of 1000 classes, numbers for any other.</summary>
    public static ClassLabels For(int classes) => classes == ImageNet.Count ? ImageNet : new([]);

    /// <summary>Reads a text file: one name per line, the first for class 0; a leading number and tab are dropped.</summary>
    /// <exception cref="InvalidDataException">The file has not one name for each class.</exception>
    public static ClassLabels Read(string path, int classes)
    {
        string[] names = Parse(File.ReadLines(path).Take(1_000_001));
        return names.Length == classes ? new ClassLabels(names) : throw new InvalidDataException(
            $"{path} names {names.Length} classes, but the network has {classes}: give one line for each class, in order.");
    }

    /// <summary>The class of that number, or of that name, whole or one of its synonyms, case ignored.</summary>
    /// <returns>The class, or null if there is none or more than one.</returns>
    public int? Find(string text, int classes)
    {
        if (int.TryParse(text, out int index))
            return index >= 0 && index < classes ? index : null;
        int[] found = [.. Enumerable.Range(0, _names.Length).Where(i => Names(i).Contains(text.Trim(), StringComparer.OrdinalIgnoreCase))];
        return found.Length == 1 ? found[0] : null;

        IEnumerable<string> Names(int i) => _names[i].Split(',').Select(name => name.Trim()).Append(_names[i]);
    }

    private static string[] Parse(IEnumerable<string> lines) =>
        [.. lines.Select(line => line[(line.IndexOf('\t') + 1)..].Trim()).Where(line => line.Length > 0)];

    private static ClassLabels ReadEmbedded()
    {
        using Stream stream = typeof(ClassLabels).Assembly.GetManifestResourceStream("imagenet-classes.tsv")!;
        using var reader = new StreamReader(stream);
        return new ClassLabels(Parse(reader.ReadToEnd().Split('\n')));
    }
}
