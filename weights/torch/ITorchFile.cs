namespace Weights.Torch;

/// <summary>The raw numbers of a container.</summary>
internal interface IStorages
{
    /// <summary>Whether the raw numbers are big-endian.</summary>
    bool BigEndian { get; }

    /// <summary>A stream of the storage's bytes from byte <paramref name="at"/> on.</summary>
    Stream Open(StorageReference storage, long at);
}

/// <summary>A PyTorch file: what its pickle holds, and the raw numbers its tensors look at.</summary>
internal interface ITorchFile : IStorages
{
    /// <summary>Plain data and <see cref="PickledTensor"/>s.</summary>
    object? Root { get; }
}
