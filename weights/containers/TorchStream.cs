using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Engine.Files;
using Microsoft.Win32.SafeHandles;
using Weights.Pickle;
using Weights.Torch;

namespace Weights.Containers;

/// <summary>
/// PyTorch's container before 1.6: five pickles in a row (a magic number, the protocol version, facts about the machine, the state
/// dict, the keys of the storages), then each storage as its number of elements (int64) and its raw numbers. The writer turns both
/// little-endian on every machine, whatever its facts say.
/// </summary>
internal sealed class TorchStream : ITorchFile
{
    private const long ProtocolVersion = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber);

    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, (long At, long Length)> _storages = [];

    /// <exception cref="InvalidDataException">The file is broken, cut off, or a pickle that PyTorch did not write.</exception>
    public TorchStream(SafeFileHandle file)
    {
        _file = file;
        var vocabulary = new TorchVocabulary();
        using var stream = new BufferedStream(new FileSlice(file, 0, RandomAccess.GetLength(file)), 1 << 14);
        var pickles = new PickleReader(stream, vocabulary);
        if (!Magic.Equals(pickles.Load()))
            throw new NotWeightsException("a pickle that torch.save did not write", "Save the state dict with torch.save.");
        if (pickles.Load() is not ProtocolVersion)
            throw new InvalidDataException($"its protocol version is not {ProtocolVersion}");
        pickles.Load();
        Root = pickles.Load();
        if (pickles.Load() is not List<object?> keys)
            throw new InvalidDataException("the list of its storages is missing");
        FindStorages(keys, vocabulary, stream.Position, stream.Length);
    }

    public object? Root { get; }

    public bool BigEndian => false;

    public Stream Open(StorageReference storage, long at)
    {
        (long start, long length) = _storages[storage.Key];
        return new FileSlice(_file, start, length) { Position = at };
    }

    private void FindStorages(List<object?> keys, TorchVocabulary vocabulary, long at, long fileLength)
    {
        Span<byte> count = stackalloc byte[8];
        foreach (object? item in keys)
        {
            if (item is not string key || !vocabulary.Storages.TryGetValue(key, out StorageReference? storage))
                throw new InvalidDataException("the list of its storages names one that no tensor uses");
            using var header = new FileSlice(_file, at, sizeof(long));
            if (header.ReadAtLeast(count, count.Length, throwOnEndOfStream: false) < count.Length)
                throw new InvalidDataException($"it is cut off at byte {at}, before a storage");
            long elements = BinaryPrimitives.ReadInt64LittleEndian(count);
            at += sizeof(long);
            long claimed = storage.WholeBytes / storage.Type.Size, left = fileLength - at;
            if (elements != claimed)
                throw new InvalidDataException($"a storage has {elements} elements, its tensors need {claimed}");
            if (storage.WholeBytes > left)
                throw new InvalidDataException($"it is cut off: a storage at byte {at} needs {storage.WholeBytes} bytes, {left} are left");
            if (!_storages.TryAdd(key, (at, storage.WholeBytes)))
                throw new InvalidDataException("the list of its storages names one twice");
            at += storage.WholeBytes;
        }
        if (vocabulary.Storages.Keys.FirstOrDefault(key => !_storages.ContainsKey(key)) is not null)
            throw new InvalidDataException("a tensor uses a storage that is not in the file");
    }
}
