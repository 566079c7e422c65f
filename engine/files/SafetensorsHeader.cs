using System.Collections.Frozen;
using System.Text.Json;

namespace Iba.Engine.Files;

/// <summary>One tensor of a .safetensors file: name, element type, extents and byte range.</summary>
/// <param name="Name">The key in the file.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, ElementType Type, int[] Shape, long Begin, long End)
{
    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>The type in the file's spelling, also if it is unknown to this program.</summary>
    public string TypeName { get; init; } = Type.ToString();

    /// <summary>The entry for people: <c>conv1.weight F32 (64, 3, 7, 7)</c>.</summary>
    public override string ToString() => $"{Name} {TypeName} ({string.Join(", ", Shape)})";
}

/// <summary>
/// The JSON header of a .safetensors file. All that a file can state wrongly is checked here: types, extents, byte counts, duplicate names,
/// and offsets, which must cover the data exactly once, without gaps.
/// </summary>
internal sealed class SafetensorsHeader(FileBudget budget)
{
    private const int MaximumBytes = 100_000_000;   // the limit of the format's reference implementation
    private const int MaximumRank = 64, MetadataUnits = 2 * FileBudget.Object, EntryUnits = 8 * FileBudget.Object;

    private static readonly FrozenDictionary<string, ElementType> Types = Enum.GetValues<ElementType>().ToFrozenDictionary(type => type.ToString());

    private readonly List<SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _metadata = [];

    public IReadOnlyList<SafetensorsEntry> Entries => _entries;
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Reads the header length: 8 bytes, unsigned, little-endian.</summary>
    public static int Length(ulong stated, long fileLength) =>
        stated <= 1 ? throw new InvalidDataException($"a header of {stated} bytes cannot be JSON")
        : stated > MaximumBytes || (long)stated > fileLength - 8
            ? throw new InvalidDataException($"the header claims {stated} bytes, the file has {fileLength}")
            : (int)stated;

    /// <exception cref="InvalidDataException">The header is wrong; the message says where.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength, FileBudget budget)
    {
        var header = new SafetensorsHeader(budget);
        try
        {
            header.Read(new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 }));
        }
        // The reader throws InvalidOperationException for tokens of the wrong kind and for text that is not UTF-8.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"the header is not the JSON of a safetensors file ({e.Message.TrimEnd('.')})", e);
        }
        header.CheckCoverage(dataLength);
        return header;
    }

    private void Read(Utf8JsonReader json)
    {
        var names = new HashSet<string>();
        Expect(ref json, JsonTokenType.StartObject);
        while (NextName(ref json) is { } name)
        {
            if (!names.Add(name))
                throw new InvalidDataException($"the name '{name}' appears twice");
            Expect(ref json, JsonTokenType.StartObject);
            if (name == "__metadata__")
                ReadMetadata(ref json);
            else
                _entries.Add(ReadEntry(ref json, name));
        }
        if (json.Read())
            throw new JsonException("text after the closing brace");
    }

    private void ReadMetadata(ref Utf8JsonReader json)
    {
        while (NextName(ref json) is { } key)
        {
            Expect(ref json, JsonTokenType.String);
            budget.Charge(MetadataUnits);
            if (!_metadata.TryAdd(key, Text(ref json)))
                throw new InvalidDataException($"the metadata name '{key}' appears twice");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader json, string name)
    {
        budget.Charge(EntryUnits);
        string? typeName = null;
        long[]? shape = null, offsets = null;
        while (NextName(ref json) is { } field)
        {
            switch (field)
            {
                case "dtype" when typeName is null:
                    Expect(ref json, JsonTokenType.String);
                    typeName = Text(ref json);
                    break;
                case "shape" when shape is null:
                    shape = ReadIntegers(ref json);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadIntegers(ref json);
                    break;
                default:
                    throw new InvalidDataException($"tensor '{name}' has an unknown or repeated field '{field}'");
            }
        }
        if (typeName is null || shape is null || offsets is not [long begin, long end])
            throw new InvalidDataException($"tensor '{name}' needs dtype, shape and two data_offsets");

        ElementType type = Types.GetValueOrDefault(typeName, ElementType.Other);
        UInt128 bytes = (UInt128)Math.Max(type.Size, 1);
        foreach (long extent in shape)
        {
            // Each factor is below 2^31 and the product so far is below 2^63, so 128 bits never overflow.
            if (extent > int.MaxValue || (bytes *= (UInt128)extent) > long.MaxValue)
                throw new InvalidDataException($"tensor '{name}' has the impossible shape ({string.Join(", ", shape)})");
        }
        return begin <= end && (type == ElementType.Other || bytes == (UInt128)(end - begin))
            ? new SafetensorsEntry(name, type, [.. shape.Select(extent => (int)extent)], begin, end) { TypeName = typeName }
            : throw new InvalidDataException(
                $"tensor '{name}' of shape ({string.Join(", ", shape)}) needs {bytes} bytes, its data_offsets are {begin} to {end}");
    }

    private void CheckCoverage(long dataLength)
    {
        SafetensorsEntry? before = null;
        foreach (SafetensorsEntry entry in _entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            (string name, long covered) = before is null ? ("", 0) : ($"tensor '{before.Name}', which ends at byte {before.End}", before.End);
            if (entry.Begin < covered)
                throw new InvalidDataException($"tensor '{entry.Name}' begins at byte {entry.Begin} of the data and shares bytes with {name}");
            if (entry.Begin > covered)
            {
                throw new InvalidDataException(
                    $"tensor '{entry.Name}' begins at byte {entry.Begin} of the data and leaves a hole after {(before is null ? "its start" : name)}");
            }
            before = entry;
        }
        if ((before?.End ?? 0) != dataLength)
        {
            throw new InvalidDataException($"the tensors need {before?.End ?? 0} bytes, the last of them for "
                + $"'{before?.Name}', and the file holds {dataLength} after its header");
        }
    }

    private string? NextName(ref Utf8JsonReader json)
    {
        Advance(ref json);
        return json.TokenType == JsonTokenType.EndObject ? null : Text(ref json);
    }

    private string Text(ref Utf8JsonReader json)
    {
        budget.ChargeText(json.ValueSpan.Length);
        return json.GetString()!;
    }

    private long[] ReadIntegers(ref Utf8JsonReader json)
    {
        Expect(ref json, JsonTokenType.StartArray);
        var values = new List<long>();
        while (Advance(ref json) != JsonTokenType.EndArray)
        {
            budget.Charge(FileBudget.Step);
            if (values.Count == MaximumRank)
                throw new InvalidDataException($"a tensor has more than {MaximumRank} extents");
            values.Add(json.TryGetInt64(out long value) && value >= 0 ? value : throw new JsonException("a negative or broken number"));
        }
        return [.. values];
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (Advance(ref json) != type)
            throw new JsonException($"{json.TokenType} at byte {json.TokenStartIndex}, expected {type}");
    }

    private static JsonTokenType Advance(ref Utf8JsonReader json) =>
        json.Read() ? json.TokenType : throw new JsonException("it ends early");
}
