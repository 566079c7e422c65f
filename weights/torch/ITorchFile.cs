using Engine.Files;

namespace Weights.Torch;

/// <summary>Where the bytes of a storage lie.</summary>
/// <param name="Contents">A file, or an inflated part of one.</param>
/// <param name="Start">The storage's first byte there.</param>
internal readonly record struct StorageBytes(FileContents Contents, long Start);

/// <summary>The raw numbers of a container.</summary>
internal interface IStorages
{
    /// <summary>Whether the raw numbers are big-endian.</summary>
    bool BigEndian { get; }

    /// <summary>The bytes of a storage.</summary>
    StorageBytes Open(StorageReference storage, CancellationToken cancel);
}

/// <summary>A PyTorch file: what its pickle holds, and the raw numbers its tensors look at.</summary>
internal interface ITorchFile : IStorages, IDisposable
{
    /// <summary>Plain data, <see cref="PickledTensor"/>s and <see cref="Pickle.PickleOpaque"/> objects.</summary>
    object? Root { get; }

    /// <summary>Names of the classes and functions that the pickle asks for and that mean nothing here.</summary>
    IReadOnlyCollection<string> Unknown { get; }

    /// <summary>Bytes of all storages, inflated.</summary>
    long StoredBytes { get; }
}
