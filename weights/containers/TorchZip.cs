using System.Text;
using Iba.Engine.Files;
using Iba.Weights.Pickle;
using Iba.Weights.Torch;

namespace Iba.Weights.Containers;

/// <summary>
/// PyTorch's container since 1.6: a zip archive with <c>data.pkl</c> (the pickle), <c>data/KEY</c> (one storage each) and optionally
/// <c>byteorder</c>, in one folder of any name.
/// </summary>
internal sealed class TorchZip : ITorchFile
{
    private const string PickleName = "data.pkl";
    private const int MaximumPickle = 1 << 26, MaximumByteOrder = 16;

    private readonly ZipDirectory _zip;
    private readonly string _prefix;

    /// <exception cref="InvalidDataException">The archive is damaged or is not a PyTorch state dict.</exception>
    public TorchZip(FileContents file, FileBudget budget)
    {
        _zip = new ZipDirectory(file, budget);
        _prefix = FindPrefix();
        BigEndian = IsBigEndian();
        var vocabulary = new TorchVocabulary(budget);
        using var pickle = new MemoryStream(_zip.ReadAll(_zip.Entries[_prefix + PickleName], MaximumPickle));
        Root = new PickleReader(pickle, vocabulary, budget).Load();
        Unknown = vocabulary.Unknown;
        foreach (StorageReference storage in vocabulary.Storages.Values)
            Check(storage);
    }

    public object? Root { get; }

    public bool BigEndian { get; }

    public IReadOnlyCollection<string> Unknown { get; }

    public long StoredBytes { get; private set; }

    public StorageBytes Open(StorageReference storage, CancellationToken cancel) => _zip.Open(_zip.Entries[EntryName(storage)], cancel);

    public void Dispose() => _zip.Dispose();

    private string EntryName(StorageReference storage) => $"{_prefix}data/{storage.Key}";

    private void Check(StorageReference storage)
    {
        if (!_zip.Entries.TryGetValue(EntryName(storage), out ZipEntry? entry))
            throw new InvalidDataException($"the archive lacks its entry {EntryName(storage)}");
        if (entry.Length != storage.WholeBytes)
            throw new InvalidDataException($"entry {entry.Name} has {entry.Length} bytes, its tensors need {storage.WholeBytes}");
        StoredBytes += entry.Length;
    }

    private string FindPrefix()
    {
        string[] prefixes = [.. from name in _zip.Entries.Keys
                                where name == PickleName || name.EndsWith("/" + PickleName, StringComparison.Ordinal)
                                select name[..^PickleName.Length]];
        bool Has(string name) => _zip.Entries.Keys.Any(n => n == name || n.EndsWith("/" + name, StringComparison.Ordinal));
        if (Has("constants.pkl"))
            throw new NotWeightsException("a TorchScript archive, which holds a program",
                "Save its weights alone: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth').");
        if (prefixes is [string prefix])
            return prefix;
        throw prefixes.Length > 1
            ? new InvalidDataException("the archive holds several data.pkl")
            : new NotWeightsException("a zip archive without data.pkl, so PyTorch did not write it",
                "If weights lie inside it, unpack it and name the file inside.");
    }

    private bool IsBigEndian() =>
        _zip.Entries.TryGetValue($"{_prefix}byteorder", out ZipEntry? entry)
        && Encoding.ASCII.GetString(_zip.ReadAll(entry, MaximumByteOrder)).Trim() switch
        {
            "big" => true,
            "little" => false,
            _ => throw new InvalidDataException("its byteorder is neither little nor big"),
        };
}
