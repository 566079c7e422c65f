using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Iba.Engine.Files;
using Iba.Weights.Pickle;
using Iba.Weights.Torch;

namespace Iba.Weights.Containers;

/// <summary>
/// PyTorch's container before 1.6: five consecutive pickles (a magic number, the protocol version, facts about the machine, the state dict,
/// the keys of the storages), then each storage as its element count (int64) and its raw elements. Both are little-endian on every machine,
/// whatever the facts say.
/// </summary>
internal sealed class TorchStream : ITorchFile
{
    private const long ProtocolVersion = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber);

    private readonly FileContents _file;
    private readonly Dictionary<string, long> _storages = [];

    /// <exception cref="InvalidDataException">The file is damaged, truncated, or a pickle that PyTorch did not write.</exception>
    public TorchStream(FileContents file, FileBudget budget)
    {
        _file = file;
        var vocabulary = new TorchVocabulary(budget);
        using var stream = new BufferedStream(new ContentsStream(file, 0, file.Length), 1 << 14);
        var pickles = new PickleReader(stream, vocabulary, budget);
        if (!Magic.Equals(pickles.Load()))
            throw new NotWeightsException("a pickle that torch.save did not write", "Save the state dict with torch.save.");
        if (pickles.Load() is not ProtocolVersion)
            throw new InvalidDataException($"its protocol version is not {ProtocolVersion}");
        pickles.Load();
        Root = pickles.Load();
        if (pickles.Load() is not List<object?> keys)
            throw new InvalidDataException("the list of its storages is missing");
        Unknown = vocabulary.Unknown;
        FindStorages(keys, vocabulary, stream.Position);
    }

    public object? Root { get; }

    public IReadOnlyCollection<string> Unknown { get; }

    public long StoredBytes { get; private set; }

    public bool BigEndian => false;

    public StorageBytes Open(StorageReference storage, CancellationToken cancel) => new(_file, _storages[storage.Key]);

    public void Dispose() => _file.Dispose();

    private void FindStorages(List<object?> keys, TorchVocabulary vocabulary, long at)
    {
        Span<byte> count = stackalloc byte[8];
        foreach (object? item in keys)
        {
            if (item is not string key || !vocabulary.Storages.TryGetValue(key, out StorageReference? storage))
                throw new InvalidDataException("the list of its storages names one that no tensor uses");
            if (_file.Length - at < count.Length)
                throw new InvalidDataException($"it is cut off at byte {at}, before a storage");
            _file.Read(count, at);
            long elements = BinaryPrimitives.ReadInt64LittleEndian(count);
            at += sizeof(long);
            long claimed = storage.WholeBytes / storage.Type.Size, left = _file.Length - at;
            if (elements != claimed)
                throw new InvalidDataException($"a storage has {elements} elements, its tensors need {claimed}");
            if (storage.WholeBytes > left)
                throw new InvalidDataException($"it is cut off: a storage at byte {at} needs {storage.WholeBytes} bytes, {left} are left");
            if (!_storages.TryAdd(key, at))
                throw new InvalidDataException("the list of its storages names one twice");
            at += storage.WholeBytes;
            StoredBytes += storage.WholeBytes;
        }
        if (vocabulary.Storages.Keys.FirstOrDefault(key => !_storages.ContainsKey(key)) is not null)
            throw new InvalidDataException("a tensor uses a storage that is not in the file");
    }
}
