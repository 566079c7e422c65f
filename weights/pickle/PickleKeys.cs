using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Iba.Engine.Files;

namespace Iba.Weights.Pickle;

/// <summary>A Python dictionary, in order of insertion. A later value of a key replaces the earlier one at its position.</summary>
internal sealed class PickleDictionary() : OrderedDictionary<object, object?>(PickleKeys.Comparer)
{
    /// <summary>Units of the empty dictionary, and of each pair: entries and buckets, which double as they grow.</summary>
    public const int Units = 2 * FileBudget.Object, PairUnits = FileBudget.Object;

    /// <summary>Sets a value and charges the budget.</summary>
    public void Set(object? key, object? value, FileBudget budget)
    {
        budget.Charge(PairUnits + PickleKeys.HashUnits(key));
        this[key ?? PickleKeys.None] = value;
    }

    /// <summary>The value of a text key, if it has type <typeparamref name="T"/>.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value) where T : class
    {
        value = TryGetValue(key, out object? found) ? found as T : null;
        return value is not null;
    }
}

/// <summary>A Python set or frozenset.</summary>
internal sealed class PickleSet() : HashSet<object>(PickleKeys.Comparer)
{
    /// <summary>Units of the empty set, and of each item.</summary>
    public const int Units = 2 * FileBudget.Object, ItemUnits = FileBudget.Object;

    /// <summary>Adds an item and charges the budget.</summary>
    public void Add(object? item, FileBudget budget)
    {
        budget.Charge(ItemUnits + PickleKeys.HashUnits(item));
        Add(item ?? PickleKeys.None);
    }
}

/// <summary>
/// Equality of keys: texts and plain numbers by value, everything else by reference. Tuples can share parts, and hashing one by value could
/// take exponential time; tensor names are never tuples.
/// </summary>
internal sealed class PickleKeys : IEqualityComparer<object>
{
    public static readonly PickleKeys Comparer = new();

    /// <summary>Python's None as a key.</summary>
    public static readonly object None = new();

    /// <summary>Units for hashing a key: a text of megabytes can be the key of many dictionaries.</summary>
    public static int HashUnits(object? key) => key is string text ? text.Length : 0;

    public new bool Equals(object? a, object? b) => a is string or long or bool or double ? a.Equals(b) : ReferenceEquals(a, b);

    // HashCode mixes in a per-process secret. A bare number is its own hash, so a file could contain colliding keys.
    public int GetHashCode(object key) => key switch
    {
        string or bool => key.GetHashCode(),
        long n => HashCode.Combine((int)n, (int)(n >> 32)),
        double x => HashCode.Combine(1, (int)BitConverter.DoubleToInt64Bits(x), (int)(BitConverter.DoubleToInt64Bits(x) >> 32)),
        _ => RuntimeHelpers.GetHashCode(key),
    };
}

/// <summary>Python's name for the type of an unpickled value, for messages.</summary>
internal static class PickleValue
{
    public static string TypeName(object? value) => value switch
    {
        null => "None",
        string => "str",
        bool => "bool",
        long or System.Numerics.BigInteger => "int",
        double => "float",
        byte[] => "bytes",
        object?[] => "tuple",
        List<object?> => "list",
        PickleDictionary => "dict",
        PickleSet => "set",
        PickleOpaque opaque => opaque.Name,
        Torch.PickledTensor => "tensor",
        _ => value.GetType().Name,
    };
}
