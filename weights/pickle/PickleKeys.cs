using System.Diagnostics.CodeAnalysis;

namespace Weights.Pickle;

/// <summary>A Python dictionary, in order of insertion. A later value of a key replaces the earlier one in its place.</summary>
internal sealed class PickleDictionary() : OrderedDictionary<object, object?>(PickleKeys.Comparer)
{
    /// <summary>The value under a text key, when it is of type <typeparamref name="T"/>.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value) where T : class
    {
        value = TryGetValue(key, out object? found) ? found as T : null;
        return value is not null;
    }
}

/// <summary>A Python set or frozenset.</summary>
internal sealed class PickleSet() : HashSet<object>(PickleKeys.Comparer);

/// <summary>
/// What may be a key: texts and plain numbers. Tuples may not: they can share parts, and hashing one could take exponential time.
/// </summary>
internal sealed class PickleKeys : IEqualityComparer<object>
{
    public static readonly PickleKeys Comparer = new();

    /// <exception cref="InvalidDataException">The value cannot be a key.</exception>
    public static object Check(object? key) => key is string or long or bool or double
        ? key
        : throw new InvalidDataException($"a dictionary key or set item of type {PickleValue.TypeName(key)} is not read here");

    public new bool Equals(object? a, object? b) => object.Equals(a, b);

    // HashCode mixes in a secret of the process; a bare number is its own hash, so a file could be made of colliding keys.
    public int GetHashCode(object key) => key switch
    {
        long n => HashCode.Combine((int)n, (int)(n >> 32)),
        double x => HashCode.Combine(1, (int)BitConverter.DoubleToInt64Bits(x), (int)(BitConverter.DoubleToInt64Bits(x) >> 32)),
        _ => key.GetHashCode(),
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
        _ => value.GetType().Name,
    };

    /// <summary>How many parts a value has at its top level; what copying it once costs.</summary>
    public static int Parts(object? value) => value switch
    {
        string text => text.Length,
        byte[] bytes => bytes.Length,
        object?[] tuple => tuple.Length,
        List<object?> list => list.Count,
        PickleDictionary dictionary => dictionary.Count,
        PickleSet set => set.Count,
        _ => 1,
    };
}
