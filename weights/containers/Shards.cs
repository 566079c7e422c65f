using System.Text;
using System.Text.Json;
using Iba.Engine.Files;

namespace Iba.Weights.Containers;

/// <summary>
/// Safetensors files that contain one state dict together, named by an index beside them (<c>model.safetensors.index.json</c>): its
/// <c>weight_map</c> gives the file of each tensor.
/// </summary>
internal sealed class Shards : IDisposable
{
    private const long LargestIndex = 1 << 26;

    private readonly string _path;
    private readonly FileContents _index;
    private readonly SortedDictionary<string, SafetensorsFile> _files = new(StringComparer.Ordinal);
    private readonly List<(SafetensorsFile File, SafetensorsEntry Entry)> _tensors = [];

    private Shards(string path, FileContents index) => (_path, _index, Bytes) = (path, index, index.Length);

    /// <summary>The tensors, in the order of the index.</summary>
    public IReadOnlyList<(SafetensorsFile File, SafetensorsEntry Entry)> Tensors => _tensors;

    /// <summary>Tensors that are in a shard and not in the index.</summary>
    public IReadOnlyList<string> Unlisted { get; private set; } = [];

    /// <summary>Bytes of the index and its files.</summary>
    public long Bytes { get; private set; }

    /// <summary>Opens the files that an index names. They must be in the index's own folder.</summary>
    /// <param name="path">The index.</param>
    /// <param name="index">Its bytes; disposed with the result.</param>
    /// <param name="budget">Charged for the index; each file has its own.</param>
    /// <exception cref="InvalidDataException">The index is damaged, or does not match its files.</exception>
    /// <exception cref="FileFormatException">A shard is missing or damaged.</exception>
    public static Shards Open(string path, FileContents index, FileBudget budget)
    {
        var shards = new Shards(path, index);
        try
        {
            shards.Read(budget);
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 of the lines <c>SHA-256 name</c> of the index and its files.</summary>
    public string Sha256(CancellationToken cancel)
    {
        var lines = new StringBuilder($"{_index.Sha256(cancel)} index\n");
        foreach ((string name, SafetensorsFile file) in _files)
            lines.Append($"{file.Sha256(cancel)} {name}\n");
        return Sha256Hash.Hex(Encoding.UTF8.GetBytes(lines.ToString()));
    }

    /// <summary>Frees the files' bytes.</summary>
    public void Dispose()
    {
        _index.Dispose();
        foreach (SafetensorsFile file in _files.Values)
            file.Dispose();
    }

    private void Read(FileBudget budget)
    {
        if (_index.Length > LargestIndex)
            throw new InvalidDataException($"an index of {_index.Length} bytes is larger than any state dict's");
        byte[] json = new byte[_index.Length];
        _index.Read(json, 0);
        Dictionary<string, string> map = WeightMap(json, budget)
            ?? throw new NotWeightsException("a JSON file without a weight_map", "Give a .pth or .safetensors file, or the index of sharded ones.");

        foreach ((string tensor, string name) in map)
        {
            if (!_files.TryGetValue(name, out SafetensorsFile? file))
                _files.Add(name, file = OpenShard(name, budget.Cancel));
            _tensors.Add((file, file.TryGet(tensor, out SafetensorsEntry? entry)
                ? entry
                : throw new InvalidDataException($"its index places tensor '{tensor}' in {name}, which does not hold it")));
        }
        Unlisted = [.. _files.Values.SelectMany(file => file.Entries).Select(entry => entry.Name).Where(name => !map.ContainsKey(name))];
    }

    private SafetensorsFile OpenShard(string name, CancellationToken cancel)
    {
        // A path could name any file of the machine, and reading one can have side effects.
        if (!name.EndsWith(".safetensors", StringComparison.Ordinal) || name.AsSpan().ContainsAny('/', '\\', ':'))
            throw new InvalidDataException($"its index names the shard '{name}', which is no .safetensors file of its own folder");
        string path = Path.Combine(Path.GetDirectoryName(_path) ?? "", name);
        if (!File.Exists(path))
            throw new FileFormatException(_path, $"its shard {name} is missing", "Put every file that the index names into the folder of the index.");
        FileContents contents = FileContents.Read(path, cancel: cancel);
        Bytes += contents.Length;
        return SafetensorsFile.Open(path, contents, cancel);
    }

    /// <summary>The file of each tensor; null if the JSON has no such map.</summary>
    private static Dictionary<string, string>? WeightMap(ReadOnlySpan<byte> text, FileBudget budget)
    {
        try
        {
            var json = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = 16 });
            Dictionary<string, string>? map = null;
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool found = json.ValueTextEquals("weight_map");
                json.Read();
                if (!found)
                {
                    budget.Cancel.ThrowIfCancellationRequested();
                    json.Skip();
                    continue;
                }
                if (map is not null || json.TokenType != JsonTokenType.StartObject)
                    throw new InvalidDataException("its weight_map is no object, or is there twice");
                map = [];
                while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                {
                    budget.Charge(4 * FileBudget.Object);
                    budget.ChargeText(json.ValueSpan.Length);
                    string tensor = json.GetString()!;
                    json.Read();
                    budget.ChargeText(json.ValueSpan.Length);
                    if (json.TokenType != JsonTokenType.String || !map.TryAdd(tensor, json.GetString()!))
                        throw new InvalidDataException($"its weight_map names '{tensor}' twice, or without a file");
                }
            }
            return map;
        }
        // InvalidOperationException: a text is not UTF-8.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"it is neither weights nor the index of sharded ones ({e.Message.TrimEnd('.')})", e);
        }
    }
}
