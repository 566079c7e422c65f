using Iba.Engine.Files;

namespace Iba.Weights.Torch;

/// <summary>The bytes of a storage.</summary>
/// <param name="Contents">A file, or an inflated part of one.</param>
/// <param name="Start">The storage's first byte there.</param>
internal readonly record struct StorageBytes(FileContents Contents, long Start);

/// <summary>The raw elements of a container.</summary>
internal interface IStorages
{
    /// <summary>Whether the raw elements are big-endian.</summary>
    bool BigEndian { get; }

    /// <summary>The bytes of a storage.</summary>
    StorageBytes Open(StorageReference storage, CancellationToken cancel);
}

/// <summary>A PyTorch file: the contents of its pickle, and the raw elements of its tensors.</summary>
internal interface ITorchFile : IStorages, IDisposable
{
    /// <summary>Plain data, <see cref="PickledTensor"/>s and <see cref="Pickle.PickleOpaque"/> objects.</summary>
    object? Root { get; }

    /// <summary>Names of the unknown classes and functions that the pickle requests.</summary>
    IReadOnlyCollection<string> Unknown { get; }

    /// <summary>Bytes of all storages, inflated.</summary>
    long StoredBytes { get; }
}
