using Iba.Engine.Files;
using Iba.Weights.Pickle;

namespace Iba.Weights.Torch;

/// <summary>
/// The known names of a PyTorch file: storages, the functions that rebuild tensors from them, and Python's plain containers. Every other
/// name becomes an opaque object.
/// </summary>
internal sealed class TorchVocabulary(FileBudget budget) : IPickleVocabulary
{
    private readonly HashSet<string> _unknown = [];

    /// <summary>The unknown names.</summary>
    public IReadOnlyCollection<string> Unknown => _unknown;

    /// <summary>The storages the pickle named so far: key to the claim made about the whole storage.</summary>
    public Dictionary<string, StorageReference> Storages { get; } = [];

    public object Global(string module, string name)
    {
        budget.Charge(2 * FileBudget.Object + 2L * (module.Length + name.Length));
        string global = $"{module}.{name}";
        if (TorchGlobals.Table.TryGetValue(global, out object? meaning))
            return meaning;
        _unknown.Add(global);
        return new PickleOpaque(global);
    }

    /// <summary>
    /// ("storage", type, key, location, elements) in a zip file; an old stream adds None or (key of the part, first element, elements).
    /// The storage's device ("cpu", "cuda:0") does not matter here.
    /// </summary>
    public object Persistent(object? id)
    {
        object?[] parts = id as object?[] ?? [];
        budget.Charge(2 * FileBudget.Object);
        // A storage of a later PyTorch; and in a stream, the class of a pickled module beside its source code.
        if (parts is ["storage" or "module", PickleOpaque opaque, ..])
            return opaque;
        if (parts is not ["storage", StorageType type, string key, _, long elements, ..])
            throw new InvalidDataException("a persistent id is not that of a storage");
        budget.Charge(4L * key.Length);
        long bytes = Bytes(elements, type.Element);
        var whole = new StorageReference(key, type.Element, bytes, 0, bytes);
        if (Storages.TryAdd(key, whole) is false && Storages[key] != whole)
            throw new InvalidDataException($"storage '{key}' is described in two ways");
        if (parts is not [_, _, _, _, _, object?[] view])
            return whole;
        if (view is not [_, long first, long length] || first < 0 || Bytes(length, type.Element) > bytes - Bytes(first, type.Element))
            throw new InvalidDataException($"a view leaves its storage '{key}'");
        return whole with { Start = Bytes(first, type.Element), Bytes = Bytes(length, type.Element) };
    }

    /// <summary>
    /// The states of files of 2017, when a parameter was a variable around a tensor: (storage, offset, size, stride) for a tensor, (data,
    /// ...) with 5 members for a parameter. Later states contain only flags and hooks, which do not affect the elements.
    /// </summary>
    public void Build(object? target, object? state)
    {
        switch (target, state)
        {
            case (PickleOpaque opaque, _):
                opaque.State = state;
                break;
            case (PickledTensor { View: null } tensor, object?[] and [StorageReference, _, _, _]):
                tensor.View = TorchGlobals.Rebuild((object?[])state, budget);
                break;
            case (PickledTensor { View: null } parameter, object?[] and [PickledTensor data, _, _, _, _]):
                parameter.View = data.View;
                break;
            case (PickledTensor { View: not null }, _) or (PickleDictionary, _):
                break;
            default:
                throw new InvalidDataException($"the state of a {PickleValue.TypeName(target)} is set, which no state dict needs");
        }
    }

    private static long Bytes(long elements, ElementType type) => elements >= 0 && elements <= long.MaxValue / 8
        ? elements * type.Size
        : throw new InvalidDataException($"a storage has {elements} elements");
}

/// <summary>A storage class of PyTorch, such as torch.FloatStorage.</summary>
internal sealed record StorageType(ElementType Element);

/// <summary>A tensor or parameter being unpickled. Files of 2017 make it first and set its state later.</summary>
internal sealed class PickledTensor
{
    public TensorView? View { get; set; }
    public bool IsParameter { get; init; }
}
